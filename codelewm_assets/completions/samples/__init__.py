"""Programs that models wrote: files of samples, in the forms that peers write them, as completions."""
