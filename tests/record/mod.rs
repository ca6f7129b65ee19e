//! Records: the lines of input and output.

mod output_lines;
