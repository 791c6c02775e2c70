"""Laws of encryption: a key is decrypted with the same master key in the same place, and nowhere else."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelctl.core.credentials import Credential, CredentialState
from modelctl.db.encryption import MasterKey, master_key, new_master_key
from modelctl.errors import CredentialError
from tests.conftest import NOW

OURS, OTHERS = master_key(new_master_key(), "ours"), master_key(new_master_key(), "another's")
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def encrypted(key: str, provider: str, project: str, by: MasterKey = OURS) -> Credential:
    return Credential(
        provider=provider,
        project=project,
        ciphertext=by.encrypt(key, provider, project),
        key_id=by.id,
        fingerprint=by.fingerprint(key),
        created_at=NOW,
        updated_at=NOW,
    )


@given(st.text(st.characters(exclude_categories=["Cs"])), names, names)
def test_what_is_encrypted_opens_again_and_never_looks_the_same(key: str, provider: str, project: str) -> None:
    row = encrypted(key, provider, project)
    assert OURS.decrypt(row) == key
    assert row.ciphertext != OURS.encrypt(key, provider, project)
    assert OURS.state_of(row) is CredentialState.READABLE


@given(names, names, names, names)
def test_a_row_opens_in_its_own_place_only(provider: str, project: str, to_provider: str, to_project: str) -> None:
    moved = replace(encrypted("sk-1", provider, project), provider=to_provider, project=to_project)
    is_there = (provider, project) == (to_provider, to_project)
    assert OURS.state_of(moved) is (CredentialState.READABLE if is_there else CredentialState.DAMAGED)


@given(st.data())
def test_no_changed_character_passes(data: st.DataObject) -> None:
    row = encrypted("sk-12345678", "openai", "shop")
    position = data.draw(st.integers(0, len(row.ciphertext) - 1))
    other = data.draw(st.characters(max_codepoint=127).filter(lambda each: each != row.ciphertext[position]))
    changed = row.ciphertext[:position] + other + row.ciphertext[position + 1 :]
    assert OURS.state_of(replace(row, ciphertext=changed)) is CredentialState.DAMAGED


@given(st.text(max_size=80))
def test_any_text_in_place_of_a_ciphertext_is_damage(text: str) -> None:
    row = replace(encrypted("sk-1", "openai", ""), ciphertext=text)
    assert OURS.state_of(row) is CredentialState.DAMAGED
    with pytest.raises(CredentialError, match="openai: its stored key was altered"):
        OURS.decrypt(row)


def test_another_master_key_opens_nothing_even_under_a_borrowed_id() -> None:
    row = encrypted("sk-1", "openai", "", by=OTHERS)
    assert OURS.state_of(row) is CredentialState.OTHER_KEY
    assert OURS.state_of(replace(row, key_id=OURS.id)) is CredentialState.DAMAGED


def test_fingerprints_and_ids_are_those_of_one_master_key() -> None:
    assert OURS.fingerprint("sk-1") == OURS.fingerprint("sk-1")
    assert len({OURS.fingerprint("sk-1"), OURS.fingerprint("sk-2"), OTHERS.fingerprint("sk-1")}) == 3
    assert OURS.id != OTHERS.id


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_master_key_may_be_written_in_either_alphabet(encode: object) -> None:
    secret = bytes(range(224, 256))
    text = encode(secret).decode()  # type: ignore[operator]
    assert master_key(f" {text}\n", "").id == master_key(base64.b64encode(secret).decode(), "").id


@given(st.one_of(st.text(), st.binary().filter(lambda each: len(each) != 32).map(base64.b64encode).map(bytes.decode)))
def test_what_is_no_master_key_is_refused_unseen(text: str) -> None:
    with pytest.raises(CredentialError, match="here holds no master key") as refused:
        master_key(text, "here")
    assert len(text) < 8 or text not in str(refused.value)
