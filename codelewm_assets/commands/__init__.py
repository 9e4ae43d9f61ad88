"""The commands of `codelewm-assets`, a module each: its arguments, one function called, what is printed."""
