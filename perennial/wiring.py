"""The one place that builds clients and reads the clock."""
