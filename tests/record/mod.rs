//! Records: the lines that go in and come out.

mod output_lines;
