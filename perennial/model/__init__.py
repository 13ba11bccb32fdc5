"""The words of the product: frozen types that every other part speaks, with no behaviour beyond themselves."""
