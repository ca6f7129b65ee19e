"""Builds what `sam deploy` needs, so that a deployment does not need a Rust toolchain.

Writes to the folder, for each architecture:
    submit-arm64.zip, complete-arm64.zip   the functions, the same bytes for the same source and tools
    template.yaml                          template.yaml with these files as the code, for the first architecture
    template-x86_64.yaml                   the same for the second one
and also:
    samconfig.toml                         the settings of `sam deploy`
    sbom.cdx.json                          the packages in the functions, in CycloneDX
    SHA256SUMS                             the checksums of these files

Usage: package.py FOLDER [arm64] [x86_64]    without an architecture, those that this machine can build
"""

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
import uuid
import zipfile
from pathlib import Path

from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).resolve().parent.parent
TARGETS = {"arm64": "aarch64-unknown-linux-gnu", "x86_64": "x86_64-unknown-linux-gnu"}
FUNCTIONS = ["submit", "complete"]
# What this script writes, besides the checksums.
FILES = ["*.zip", "template*.yaml", "samconfig.toml", "sbom.cdx.json"]


def can_build(target):
    """Returns whether Rust's standard library for a target is installed."""
    command = [os.environ.get("RUSTC", "rustc"), "--print", "target-libdir", "--target", target]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return any(Path(found).glob("libstd-*.rlib"))


def build(architecture):
    """Builds both functions as `sam build` does, and returns the path of each executable by its name."""
    folder = ROOT / "target" / "package" / architecture
    command = ["cargo-lambda", "lambda", "build", "--release", "--locked", "--lambda-dir", folder]
    command += ["--x86-64" if architecture == "x86_64" else "--arm64"]
    # The standard library is there: can_build has looked. cargo-lambda would ask rustup, which may not be installed.
    command += ["--skip-target-check"]
    for function in FUNCTIONS:
        command += ["--bin", function]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if code != 0:
        sys.exit(f"{architecture}: cargo-lambda ended with {code}")
    return {function: folder / function / "bootstrap" for function in FUNCTIONS}


def write_zip(path, executable):
    """Writes a zip file with one executable, and without the time and the user, so that it can be compared."""
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    entry.create_system = 3
    entry.external_attr = (stat.S_IFREG | 0o755) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(entry, executable.read_bytes(), compresslevel=9)


def template_for(text, architecture):
    """Returns the template with the built functions as its code, and with its comments."""
    built = text
    for pattern, replacement, count in [
        (r"(?m)^    CodeUri: \.\n", "", 1),
        (
            r"(?m)^(  Architecture:\n)(?:    .*\n)+",
            rf"\1    Type: String\n    Default: {architecture}\n    AllowedValues: [{architecture}]\n"
            r"    Description: The processor that the functions are built for.\n",
            1,
        ),
        (
            r"(?m)^      BuildMethod: rust-cargolambda\n      BuildProperties: \{ Binary: (\w+) \}\n"
            r"((?:      .*\n)*    Properties:\n)",
            rf"\2      CodeUri: \1-{architecture}.zip\n",
            len(FUNCTIONS),
        ),
    ]:
        built, found = re.subn(pattern, replacement, built)
        if found != count:
            sys.exit(f"template.yaml: expected {count} of {pattern!r}, found {found}")
    # The order of members does not matter, but would to the parser's dictionaries.
    found, expected = (
        json.dumps(tree, sort_keys=True) for tree in (yaml_parse(built), changed(yaml_parse(text), architecture))
    )
    if found != expected:
        sys.exit(f"template.yaml for {architecture}: more was changed than the code and the architecture")
    return f"# Made of template.yaml, with the functions built for {architecture}.\n{built}"


def changed(template, architecture):
    """Returns what template_for must result in, made from the parsed template."""
    del template["Globals"]["Function"]["CodeUri"]
    template["Parameters"]["Architecture"] |= {
        "Default": architecture,
        "AllowedValues": [architecture],
        "Description": "The processor that the functions are built for.",
    }
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            del resource["Metadata"]["BuildMethod"]
            binary = resource["Metadata"].pop("BuildProperties")["Binary"]
            resource["Properties"]["CodeUri"] = f"{binary}-{architecture}.zip"
    return template


def sbom(architectures):
    """Returns the packages that are linked into the functions, in CycloneDX 1.6. https://cyclonedx.org/docs/1.6/json/"""
    locked = {
        (package["name"], package["version"]): package.get("checksum")
        for package in tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    }
    packages, dependencies = {}, {}
    for architecture in architectures:
        command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", TARGETS[architecture]]
        found = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)
        of_id = {package["id"]: package for package in found["packages"]}
        nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
        root = found["resolve"]["root"]
        seen, waiting = set(), [root]
        while waiting:
            package = waiting.pop()
            if package in seen:
                continue
            seen.add(package)
            # What only a build script or a test uses is not in the functions.
            needed = {
                dependency["pkg"]
                for dependency in nodes[package]["deps"]
                if any(kind["kind"] is None for kind in dependency["dep_kinds"])
            }
            waiting += needed
            packages[package] = of_id[package]
            dependencies.setdefault(package, set()).update(needed)
    components = {id_: component(package, locked) for id_, package in packages.items()}
    main = {**components.pop(root), "type": "application"}
    references = {id_: reference(package) for id_, package in packages.items()}
    content = {
        "metadata": {"component": main},
        "components": sorted(components.values(), key=lambda entry: entry["bom-ref"]),
        "dependencies": sorted(
            (
                {"ref": references[package], "dependsOn": sorted(references[other] for other in needed)}
                for package, needed in dependencies.items()
            ),
            key=lambda entry: entry["ref"],
        ),
    }
    number = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(content))
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": number.urn, "version": 1, **content}


def reference(package):
    """Returns the package URL. https://github.com/package-url/purl-spec"""
    return f"pkg:cargo/{package['name']}@{package['version'].replace('+', '%2B')}"


def component(package, locked):
    name, version = package["name"], package["version"]
    entry = {"type": "library", "bom-ref": reference(package), "name": name, "version": version}
    if checksum := locked[name, version]:
        entry["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if package["license"]:
        # Old packages separate the licenses with a slash, which SPDX writes as OR.
        entry["licenses"] = [{"expression": re.sub(r"\s*/\s*", " OR ", package["license"])}]
    return {**entry, "purl": reference(package)}


def write_checksums(folder):
    names = sorted(path.name for pattern in FILES for path in folder.glob(pattern))
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / "SHA256SUMS").write_text("".join(lines))


def main(folder, wanted):
    folder.mkdir(parents=True, exist_ok=True)
    missing = {name: target for name, target in TARGETS.items() if not can_build(target)}
    architectures = wanted or [name for name in TARGETS if name not in missing]
    for name in architectures or TARGETS:
        if name not in TARGETS:
            sys.exit(f"{name}: expected {' or '.join(TARGETS)}")
        if name in missing:
            sys.exit(f"{name}: Rust's standard library is missing; to add it: rustup target add {missing[name]}")
    for pattern in FILES:
        for path in folder.glob(pattern):
            path.unlink()
    text = (ROOT / "template.yaml").read_text()
    for architecture in architectures:
        for function, executable in build(architecture).items():
            path = folder / f"{function}-{architecture}.zip"
            write_zip(path, executable)
            print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, {executable.stat().st_size / 1e6:.1f} MB unpacked")
        name = "template.yaml" if architecture == architectures[0] else f"template-{architecture}.yaml"
        (folder / name).write_text(template_for(text, architecture))
        print(f"{name}: for {architecture}")
    for name in () if wanted else missing:
        print(
            f"{name}: left out, because Rust's standard library is missing; to add it: rustup target add {missing[name]}"
        )
    shutil.copyfile(ROOT / "samconfig.toml", folder / "samconfig.toml")
    bom = sbom(architectures)
    (folder / "sbom.cdx.json").write_text(json.dumps(bom, indent=1) + "\n")
    print(f"sbom.cdx.json: {len(bom['components'])} packages")
    write_checksums(folder)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2:])
