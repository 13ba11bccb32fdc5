"""The CA as certbot's own library sees it."""

from cryptography import x509

from tests.localazure.acme.subscriber import subscribed


def test_a_certificate_comes_with_its_chain() -> None:
    """An order ends in a leaf for its names, signed by the intermediate that comes along, which a root signed."""
    with subscribed() as (ca, subscriber):
        leaf, above = subscriber.obtain("example.com", "*.example.com")
    leaf.verify_directly_issued_by(above)
    above.verify_directly_issued_by(ca.hierarchy.roots[0].certificate)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["*.example.com", "example.com"]
