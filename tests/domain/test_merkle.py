"""The tree: its roots are those of other logs, and its proofs prove what they say and nothing else."""

from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import merkle

# The entries, roots and proofs by which implementations of certificate transparency are checked
# (google/certificate-transparency, merkletree/merkle_tree_test.cc; transparency-dev/merkle, testonly).
LEAVES = [
    bytes.fromhex(one)
    for one in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {
    (0, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (5, 8): (
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 3): ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",),
    (1, 5): (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}
CONSISTENCY = {
    (1, 1): (),
    (1, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (6, 8): (
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 5): (
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}

HASHES = [merkle.leaf(entry) for entry in LEAVES]
MANY = [merkle.leaf(str(n).encode()) for n in range(70)]


def path(leaves: list[bytes], asked: list[merkle.Range]) -> list[bytes]:
    return [merkle.root(leaves[begin:end]) for begin, end in asked]


def grown(leaves: list[bytes]) -> merkle.Growing:
    tree = merkle.Growing()
    for one in leaves:
        tree.add(one)
    return tree


def test_no_entries_have_the_root_of_nothing() -> None:
    assert merkle.root([]) == b64decode("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
    assert merkle.Growing().root == merkle.root([])


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    assert merkle.root(HASHES[:size]).hex() == ROOTS[size - 1]
    assert grown(HASHES[:size]).root.hex() == ROOTS[size - 1]


@pytest.mark.parametrize("of", INCLUSION)
def test_proofs_that_an_entry_is_in_are_those_of_certificate_transparency(of: tuple[int, int]) -> None:
    index, size = of
    proof = path(HASHES, merkle.inclusion(index, size))
    assert [one.hex() for one in proof] == list(INCLUSION[of])
    assert merkle.included(HASHES[index], index, size, proof).hex() == ROOTS[size - 1]


@pytest.mark.parametrize("of", CONSISTENCY)
def test_proofs_that_a_log_only_grew_are_those_of_certificate_transparency(of: tuple[int, int]) -> None:
    old, size = of
    proof = path(HASHES, merkle.consistency(old, size))
    assert [one.hex() for one in proof] == list(CONSISTENCY[of])
    roots = bytes.fromhex(ROOTS[old - 1]), bytes.fromhex(ROOTS[size - 1])
    merkle.check_consistent(old, roots[0], size, roots[1], proof)


def test_every_entry_of_every_log_of_up_to_seventy_is_proved() -> None:
    for size in range(1, 71):
        leaves = MANY[:size]
        root = merkle.root(leaves)
        assert grown(leaves).root == root, size
        for index in range(size):
            proof = path(leaves, merkle.inclusion(index, size))
            assert merkle.included(leaves[index], index, size, proof) == root, (index, size)


def test_every_log_of_up_to_seventy_is_proved_to_have_grown_from_each_before_it() -> None:
    for size in range(1, 71):
        for old in range(1, size + 1):
            proof = path(MANY[:size], merkle.consistency(old, size))
            roots = merkle.root(MANY[:old]), merkle.root(MANY[:size])
            merkle.check_consistent(old, roots[0], size, roots[1], proof)


@given(st.integers(1, 70), st.data())
def test_a_tree_that_is_put_together_from_parts_is_the_same(size: int, data: st.DataObject) -> None:
    begun = data.draw(st.integers(0, size))
    tree = merkle.Growing()
    above = merkle.levels(MANY[:size])
    for level, place in merkle.parts(0, begun):
        for higher, at, found in tree.add(above[level][place], level):
            assert found == above[higher][at]
    full = [found for one in MANY[begun:size] for found in tree.add(one)]
    assert (tree.size, tree.root) == (size, merkle.root(MANY[:size]))
    for level, place, found in full:
        assert found == above[level][place]


@given(st.integers(1, 70), st.data())
def test_a_proof_that_was_changed_proves_nothing(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    root = merkle.root(MANY[:size])
    proof = path(MANY[:size], merkle.inclusion(index, size))
    wrong = bytearray(b"".join([MANY[index], *proof]))
    wrong[data.draw(st.integers(0, len(wrong) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    changed = [bytes(wrong[at : at + 32]) for at in range(0, len(wrong), 32)]
    assert merkle.included(changed[0], index, size, changed[1:]) != root
    for other in ([*proof, root], proof[:-1] if proof else [root]):
        with pytest.raises(merkle.ProofRefused):
            merkle.included(MANY[index], index, size, other)
    with pytest.raises(merkle.ProofRefused):
        merkle.included(MANY[index], size, size, proof)


@given(st.integers(1, 70), st.data())
def test_a_log_that_was_rewritten_is_not_proved_to_have_grown(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, size))
    changed = data.draw(st.integers(0, old - 1))
    rewritten = [*MANY[:size]]
    rewritten[changed] = merkle.leaf(b"another")
    proof = path(rewritten, merkle.consistency(old, size))
    with pytest.raises(merkle.ProofRefused):
        merkle.check_consistent(old, merkle.root(MANY[:old]), size, merkle.root(rewritten), proof)
