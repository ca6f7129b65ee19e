"""Writes examples/support-tickets.jsonl: customer messages to a fictional outdoor shop, as records.

Every run writes the same bytes. The shop, its people, products, and orders are made up for this project.
"""

import json
import random
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "examples" / "support-tickets.jsonl"
ROUNDS = 4

PRODUCTS = [
    "Tarn 2 tent",
    "Tarn 3 tent",
    "Moraine 65 backpack",
    "Skarn stove",
    "Col down jacket",
    "Fell 40 boots",
    "Cairn head torch",
    "Beck water filter",
    "Scree trekking poles",
    "Firn sleeping bag (−7 °C)",
]
PEOPLE = ["Ana", "Jonas", "Mireille", "Oleh", "Priya", "Sipho", "Yuki", "Zeynep", "Łukasz", "Siân"]
CITIES = ["Leeds", "Graz", "Bergen", "Lyon", "Kraków", "Porto", "İzmir", "Osaka", "Pune", "Winnipeg"]
DAYS = ["last Tuesday", "on 3 November", "two weeks ago", "yesterday evening", "on Friday the 13th"]

# {p} product, {n} name, {o} order, {c} city, {d} day, {a} amount. Several languages, and British customers.
# typos: off
LETTERS = [
    "Hi, my Tarn 3 tent from order {o} arrived {d} with a torn seam. It's about 4 cm long, right next to the zip. "
    "I have photos. Can I get a replacement before we leave on the 28th?\n\n{n}",
    'Order {o} says "delivered" but there is nothing here. Neighbours have nothing either. The courier\'s photo '
    "shows a green door; ours is blue!!! Please find my {p} or refund the {a}.",
    "To whom it may concern,\n\nI was charged {a} twice for order {o} (see the attached statement, lines 14 and "
    "15). Kindly reverse one of the two. My bank says it takes a letter from you.\n\nRegards,\n{n}, {c}",
    "love the Cairn head torch 😍 but the app won't pair w/ it since the update. iPhone, latest iOS, tried turning it off & on "
    "again, deleted the app, cried a bit 😭 help??",
    "Is the Moraine 65 (with the {p} inside) OK for a 14-year-old, 158 cm? The size table stops at 160. Also: is the dye free of PFAS? The "
    'page for {c} customers says yes, the English one says "low".',
    "I'd like to return the {p}. Worn once, indoors. Bought {d}. The returns portal answers:\n\n    Error 422: "
    '{{"field":"order","value":"{o}","reason":"not eligible"}}\n\nWhy is it not eligible?',
    'Cancel my newsletter. I have clicked "unsubscribe" nine times. NINE. If I get another mail about the {p} I '
    "will write to the data protection authority in {c}.",
    "Just wanted to say thanks to {n} on the phone {d}. We were stuck in {c} with a broken {p} and they talked me "
    "through the repair in ten minutes. Give that person a raise 👏👏🏽👏🏿",
    "Quote request: 35 × {p}, delivery to {c} by 15 January, invoice to the municipality (tax-exempt). Do you "
    "give a discount at that quantity? We paid {a} each last year.",
    "Our scout group's family tent arrived, and the box held two left poles. 👨‍👩‍👧‍👦🏕️ Order {o}. We need a right one, "
    'not a whole {p}. Which part number is it? The manual (p. 12) says "B/7", the web page says "B\\7".',
    'The export of my order history is broken in Excel: names such as "{n}" come out as garbage, and the path it '
    "offers is C:\\Users\\me\\new\\table.csv, where \\n and \\t seem to turn into line breaks and tabs. Order {o}.",
    "re: re: re: {p}\n\n> > Could you send the serial number?\n> It is on the label, which has washed off.\n"
    "That is what I am trying to tell you. The label has washed off. Is there another place?",
    "Your checkout asked for my passport number for an order of {a} to {c}. Is that really you, or have I been "
    "phished? The address bar said kestrel-and-pine.example, with two dashes.",
    "Warranty question. The hip belt of my Moraine 65 broke {d} after 6 years and roughly 4,000 km. I know it's out of "
    "warranty. Would you sell me just the buckle? I'd rather fix it than bin it.",
    "Guten Tag,\n\nmein Zelt Tarn 2 (Bestellung {o}) ist leider undicht: Nach zwei Nächten im Regen stand das Wasser in den "
    "Schlafsäcken. Bitte um Rückruf oder Erstattung von {a}.\n\nMit freundlichen Grüßen\n{n}",
    'Moin, wo bleibt mein Paket? {o}, laut Sendungsverfolgung seit sechs Tagen in "{c}". Ich wohne in Flensburg …',
    "Können Sie mir sagen, ob die „Fell 40“ auch in halben Größen kommen? Mir sind 42 zu klein und 43 zu groß. "
    "Und passt der {p} dazu ins Handgepäck (55×40×20)?",
    "Bonjour, j'ai reçu le mauvais article : un produit « {p} » au lieu des bâtons commandés (n° {o}). L'étiquette de retour "
    "ne s'imprime pas — page blanche. Pouvez-vous l'envoyer par courrier à {c} ? Merci d'avance, {n}",
    "C'est la troisième fois que j'écris. Le remboursement de {a} promis « sous 48 h » n'est toujours pas là. À "
    "défaut de réponse, je saisirai le médiateur.",
    "Buenas tardes: ¿el {p} se puede lavar a máquina? En la etiqueta pone 30 °C, pero en la web dice «solo a mano». "
    "No quiero estropearlo, me costó {a}. Un saludo, {n}",
    "¡Hola! Hice el pedido {o} con la dirección antigua 🤦. Ahora vivo en {c}. ¿Todavía se puede cambiar? ¡Gracias!",
    "Olá, a bomba do fogão perde gás pela válvula. É perigoso continuar a usar? Comprei-o há três semanas (encomenda "
    "{o}) juntamente com um {p}. Obrigado, {n}",
    "Buongiorno, vorrei sapere perché la spedizione a {c} costa quanto il prodotto stesso ({a}). Inoltre il codice "
    "sconto PRIMAVERA non funziona più: è scaduto?",
    "Beste mensen, de rits van mijn Col-jas is na één seizoen kapot. In de winkel in {c} zeiden ze dat ik bij jullie moest "
    "zijn. Ordernummer {o}. Hoe nu verder?",
    "Dzień dobry, zamówiłem kurtkę Col w rozmiarze L, przyszedł S. Żona mówi, że to znak, żebym schudł. 😅 Proszę o wymianę, "
    "zamówienie {o}.",
    "Dobrý den, přišla mi faktura na {a}, ale zboží žádné. Prosím o prověření objednávky {o}. Děkuji, {n}",
    "Доброго дня! Замовлення {o} застрягло на митниці у місті {c}, просять рахунок-фактуру з печаткою. Чи можете "
    "надіслати її сьогодні? Дуже дякую, {n}",
    "Καλημέρα σας, ο φακός αναβοσβήνει μόνος του τη νύχτα και η μπαταρία αδειάζει. Τον αγόρασα μαζί με το {p}. "
    "Υπάρχει ενημέρωση λογισμικού;",
    'Merhaba, {o} numaralı siparişimi iptal etmek istiyorum. Kargo henüz çıkmamış görünüyor ama "iptal" düğmesi '
    "çalışmıyor. Iade ne kadar sürer? {n}, {c}",
    "مرحبًا، وصلتني حقيبة الظهر لكن أحد الأحزمة مقطوع. رقم الطلب {o}. هل يمكن استبدالها دون دفع رسوم الشحن؟ شكرًا لكم، {n}",
    "שלום, הזמנתי {p} לפני שלושה שבועות (הזמנה {o}) ועדיין לא קיבלתי עדכון. אשמח לדעת מתי המשלוח צפוי להגיע.",
    "नमस्ते, मैंने {p} मँगवाया था, पर डिब्बे में निर्देश केवल नॉर्वेजियन में हैं। क्या हिन्दी या अंग्रेज़ी में PDF मिल सकती है? ऑर्डर {o}।",
    "வணக்கம், என் ஆர்டர் {o} இரண்டு முறை கட்டணம் வசூலிக்கப்பட்டது ({a}). தயவுசெய்து ஒன்றைத் திருப்பித் தரவும்.",
    "สวัสดีค่ะ ไส้กรองน้ำที่ซื้อมาใช้ได้แค่สองสัปดาห์ก็ตันแล้ว ปกติควรใช้ได้นานแค่ไหนคะ เลขที่สั่งซื้อ {o}",
    "Chào shop, mình đặt {p} màu xanh nhưng nhận được màu cam. Đơn hàng {o}. Mình có thể đổi tại cửa hàng ở {c} không?",
    "お世話になっております。注文番号{o}の{p}ですが、説明書に記載の部品「固定ピン」が入っておりませんでした。"
    "お手数ですが、お送りいただけますでしょうか。よろしくお願いいたします。",
    "寝袋の中綿が片方に寄ってしまいました。洗濯表示どおりに洗ったのですが…。直し方はありますか？(購入額 {a})",
    "안녕하세요. {o} 주문을 취소했는데 카드 승인 취소가 아직 안 됐어요. 벌써 10일째입니다. 확인 부탁드립니다. {n} 드림",
    "你好，我上周二下的订单{o}一直显示“处理中”。请问{p}还有货吗？如果没有，请直接退款{a}，谢谢！",
    "您好，帳篷的防水層開始剝落，才用了一年。請問在保固範圍內嗎？發票上的金額是 {a}，訂單編號 {o}。",
]
# typos: on

ANSWERS = [
    "Thank you for writing. I am sorry about the trouble. Could you send me a photo of the label, please?",
    "I have looked at the order and can see the problem. Would you prefer a replacement or a refund?",
    "We have asked the courier and expect an answer within two working days.",
]
FOLLOW_UPS = [
    "A refund, please. And please tell me how long it takes.",
    "Photo attached. The label is hard to read, sorry: the third character is a 0 or an O.",
    "It has been four working days now. Any news?",
]

TASKS = [
    "Classify the message as one of: delivery, damage, payment, return, product question, praise, other. Answer "
    "with the single word.",
    "Write a reply in the customer's own language, at most 120 words, friendly but not chatty. Promise nothing "
    "about money.",
    "Summarize the message in one English sentence for the shift handover.",
    'Extract {"order": …, "product": …, "language": …, "urgent": true|false} as JSON. Use null for what is not '
    "there. Answer with JSON only.",
    "Translate the message into English. Keep names, numbers and line breaks as they are.",
]
SYSTEM = (
    "You work in the customer service of Kestrel & Pine, a shop for outdoor gear. You are careful with facts: what "
    "the message does not say, you do not know. Never repeat card or passport numbers."
)

LOG_LINES = [
    "[{t}] INFO  ble: scan started, filter=cairn-*",
    "[{t}] DEBUG ble: advertisement rssi=-{n} dBm addr=**:**:**:{n}:0c",
    "[{t}] WARN  pair: characteristic 0x2a19 not found, retry {n} of 99",
    '[{t}] ERROR pair: "timeout" after {n}00 ms\tstate=BONDING→IDLE',
    "[{t}] INFO  fw: installed 4.{n}.1, available 4.{n}.2 (C:\\fw\\cairn\\4_{n}_2.bin)",
]
# typos: off
DIARY = [
    "Day {i}. Up at five, frost on the inside of the tent. The zip froze shut and I had to breathe on it for a while.",
    "Rain from noon. The seams held on the windward side; on the other one a drop every four seconds, I counted.",
    "Met a couple from {c} who carry the same pack. Theirs has the new buckle, mine the one that snaps.",
    "The stove took eleven minutes for a litre, last year it took six. Cleaned the jet with the wire. Nine minutes.",
    "Crossed the river where the map shows a bridge. There is no bridge. The boots needed two days to dry.",
]
# typos: on


def log_file(chance, lines):
    """Returns a log as a customer would paste it."""
    return "\n".join(
        chance.choice(LOG_LINES).format(
            t=f"09:{i // 60:02}:{i % 60:02}.{chance.randrange(1000):03}", n=chance.randrange(10, 99)
        )
        for i in range(lines)
    )


def diary(chance, days):
    """Returns a field report as a product tester would send it."""
    return "\n\n".join(
        " ".join(chance.sample(DIARY, 4)).format(i=i, c=chance.choice(CITIES)) for i in range(1, days + 1)
    )


def letter(chance, text):
    """Returns a letter with its blanks filled in."""
    return text.format(
        p=chance.choice(PRODUCTS),
        n=chance.choice(PEOPLE),
        c=chance.choice(CITIES),
        d=chance.choice(DAYS),
        o=f"KP-{chance.randrange(100000, 999999)}",
        a=f"{chance.choice('€£$')}{chance.randrange(19, 640)}.{chance.choice(('00', '50', '95'))}",
    )


def texts(chance):
    """Yields the messages of all records, in order of arrival."""
    for turn in range(ROUNDS):
        letters = [letter(chance, text) for text in LETTERS]
        letters += [
            "The pairing log that you asked for:\n\n" + log_file(chance, 30 + 15 * turn),
            "Field report, as agreed:\n\n" + diary(chance, 8 + 4 * turn),
        ]
        chance.shuffle(letters)
        yield from letters


def message(role, *texts):
    """Returns one message in the format of Amazon Nova.
    https://docs.aws.amazon.com/nova/latest/userguide/complete-request-schema.html"""
    return {"role": role, "content": [{"text": text} for text in texts]}


def record(chance, number, text):
    """Returns one record. The requests vary, as they would if several teams wrote into one file."""
    task = TASKS[number % len(TASKS)]
    body = {"schemaVersion": "messages-v1"}
    config = {"maxTokens": chance.choice([64, 256, 400, 1024])}
    if number % 3 == 0:
        body["system"] = [{"text": SYSTEM}, {"text": task}]
        content = [text]
    else:
        content = [task, f"<message>\n{text}\n</message>"]
    body["messages"] = [message("user", *content)]
    if number % 11 == 5:
        body["messages"] += [message("assistant", chance.choice(ANSWERS)), message("user", chance.choice(FOLLOW_UPS))]
    if number % 4 == 1:
        config["temperature"] = chance.choice([0.1, 0.2, 0.7])
    if number % 5 == 3:
        config["stopSequences"] = ["</reply>"]
    if number % 7 != 6:
        body["inferenceConfig"] = config
    return {"recordId": f"TICKET{number:05}", "modelInput": body}


def main():
    chance = random.Random("support tickets")
    with TARGET.open("w", encoding="utf-8", newline="\n") as file:
        for number, text in enumerate(texts(chance), start=1):
            # Some JSON writers escape everything outside ASCII, and some write no spaces.
            separators = (",", ":") if number % 2 else (", ", ": ")
            line = json.dumps(record(chance, number, text), ensure_ascii=number % 7 == 0, separators=separators)
            file.write(line + "\n")


if __name__ == "__main__":
    main()
