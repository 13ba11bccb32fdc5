"""The HTTP API: one module per resource, each operation from a Request and a World to a Response. openapi.yaml describes it."""
