"""What people read: report, cards, index, tracker status, review site, publication."""
