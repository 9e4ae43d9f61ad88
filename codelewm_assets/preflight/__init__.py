"""Every rule that must hold before training, judged on exactly the data to be trained on."""
