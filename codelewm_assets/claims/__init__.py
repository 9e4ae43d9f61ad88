"""Gates over finished reports, claims over gates, and the audit of claim sentences."""
