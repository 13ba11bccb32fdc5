"""An order from its beginning to its chain."""

from __future__ import annotations

from cryptography import x509

from tests.authorities.acme.ordered import NAMES, bench


def test_an_order_ends_in_a_chain() -> None:
    """Apex and wildcard are proved at one name, the chain is whole, and no TXT value is left."""
    with bench() as one:
        issued = one.issue()
    leaf, above = (x509.load_der_x509_certificate(der) for der in issued.chain)
    leaf.verify_directly_issued_by(above)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert tuple(sorted(names.get_values_for_type(x509.DNSName))) == NAMES
    assert issued.by == f"{one.directory}|{one.account().url}"
    assert (
        one.dns.calls
        == [("present", "_acme-challenge.example.com")] * 2 + [("clean", "_acme-challenge.example.com")] * 2
    )
    assert not one.dns.values["_acme-challenge.example.com"]
