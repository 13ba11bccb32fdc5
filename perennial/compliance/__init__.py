"""The rules that every certificate of the fleet is held against."""
