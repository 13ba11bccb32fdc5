"""Perennial keeps every certificate in a fleet of Azure Key Vaults alive."""
