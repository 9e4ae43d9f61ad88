"""Published texts: report, cards, index, tracker status, review site; and publication on the Hub."""
