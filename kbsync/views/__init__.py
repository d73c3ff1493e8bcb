"""Views: plans, events and reports as text. They decide nothing and send nothing."""
