"""Record that a person accepts what a check holds back, and why."""
