"""The texts of replies: defaults, the fields each may use, their widths, how septets are counted.

A template holds `{field}` and nothing else in braces. `{prefix}`, `{number}` and
`{our_institution}` stand for the service's own settings and are filled in once, when the
configuration is read. The others are filled in for each reply; long values are cut there, and the
widths here say how much of each is sure to fit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from hardware.gsm7 import septet_count
from parsers.meaning import Grammar

_GRAMMAR = Grammar()

SEPTETS_PER_SMS = 160  # 140 octets of user data, 7 bits a septet (3GPP TS 23.040 section 9.2.3.16)

SERVICE_FIELDS = ("prefix", "number", "our_institution")

# How many septets a template must leave for a value. Longer ones are cut when the reply is made.
FIELD_WIDTHS: Mapping[str, int] = MappingProxyType(
    {
        "ref": 8,
        "tracking": 32,
        "date": 10,
        "due": 10,
        "status": 14,  # "bukan wewenang"
        "unit": 24,
        "institution": 40,
        "reason": 40,
        "answer": 60,
        "count": 4,
        "days": 3,  # working days in which a closed complaint can be opened again
    }
)

# Which fields each reply can be given. A text may leave any of them out.
REPLY_FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ack": ("ref",),
        "registered": ("ref", "tracking"),
        "ack_rahasia": ("ref",),
        "ack_anonim": ("ref",),
        "need_more": ("ref",),
        "help": (),
        "empty": (),
        "status": ("ref", "date", "status", "unit", "due"),
        "answer": ("unit", "ref", "answer"),
        "closed": ("ref", "unit", "days"),
        "passed_on": ("ref", "institution"),
        "rejected": ("ref", "reason"),
        "late": ("ref",),
        "unknown_ref": (),
        "duplicate": ("ref", "date"),
        "limit": ("count",),
        "emergency": ("ref",),
        "optout": (),
        "optin": (),
        "pointer": (),
        "added": ("ref",),
    }
)

DEFAULT_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "ack": (
            "Aduan diterima {our_institution}, no. {ref}. Kami verifikasi maks 3 hari kerja. "
            "Cek: ketik {prefix} STATUS {ref}. Jangan SMS NIK/KTP. Darurat telp 112"
        ),
        "registered": (
            "Aduan {ref} tercatat di SP4N-LAPOR! dgn Tracking ID {tracking}. "
            "Pantau di lapor.go.id atau ketik {prefix} STATUS {ref} dari HP ini."
        ),
        "ack_rahasia": (
            "Aduan RAHASIA diterima, no. {ref}. Nomor HP Anda tidak kami teruskan ke dinas; isi SMS "
            "diteruskan apa adanya. Cek: ketik {prefix} STATUS {ref}"
        ),
        "ack_anonim": (
            "Aduan diterima tanpa identitas, no. {ref}. Nomor HP Anda tidak terlihat petugas, hanya "
            "dipakai sistem utk membalas. Cek: ketik {prefix} STATUS {ref}"
        ),
        "need_more": (
            "Aduan {ref} perlu lokasi lebih jelas. Balas: {prefix} {ref} lalu nama "
            "jalan/perumahan, RT/RW, kelurahan, dan waktu kejadian."
        ),
        "help": (
            "Aduan {our_institution}. Ketik {prefix} (spasi) isi aduan, lokasi, waktu. "
            "Cek: {prefix} STATUS nomor. Rahasia: {prefix} RAHASIA isi. Jangan SMS NIK/KTP. "
            "Darurat telp 112"
        ),
        "empty": (
            "SMS Anda belum berisi aduan. Ketik {prefix} (spasi) isi aduan, lokasi, waktu. "
            "Contoh: {prefix} lampu jalan mati di Jl Mawar Sekupang sejak 1 Mei"
        ),
        "status": (
            "Aduan {ref} tgl {date}: {status}, ditangani {unit}. Batas tindak lanjut {due}. "
            "Tambah info: balas {prefix} {ref} isi."
        ),
        "answer": "Jawaban {unit} utk aduan {ref}: {answer}",
        "closed": (
            "Aduan {ref} SELESAI oleh {unit}. Belum puas? Balas {prefix} {ref} dan alasannya dlm "
            "{days} hari kerja. Lewat itu aduan ditutup."
        ),
        "passed_on": (
            "Aduan {ref} bukan wewenang {our_institution}, sudah kami teruskan ke {institution} "
            "lewat SP4N-LAPOR!. Tidak perlu kirim ulang."
        ),
        "rejected": (
            "Mohon maaf, aduan {ref} tidak dapat diproses: {reason}. Silakan kirim lagi dgn data "
            "lebih jelas, atau lapor ke Ombudsman RI."
        ),
        "late": (
            "Mohon maaf, aduan {ref} melewati batas waktu dan sudah kami teruskan ke pimpinan. "
            "Perkembangannya akan kami SMS. {our_institution}"
        ),
        "unknown_ref": (
            "No. aduan tidak ditemukan utk nomor HP ini. Periksa angkanya dan kirim dari HP yg "
            "dipakai melapor, atau ketik {prefix} BANTUAN"
        ),
        "duplicate": (
            "Aduan yg sama sudah tercatat dgn no. {ref} ({date}). Tidak perlu kirim ulang. "
            "Cek: ketik {prefix} STATUS {ref}"
        ),
        "limit": (
            "Kami sudah terima {count} SMS dari nomor ini hari ini; semua tersimpan. Balasan "
            "otomatis berhenti sampai besok. Darurat telp 112"
        ),
        "emergency": (
            "Ini bukan layanan darurat. Utk kebakaran, kecelakaan, kejahatan telepon 112 SEKARANG "
            "(gratis). SMS Anda tetap dicatat, no. {ref}"
        ),
        "optout": (
            "Kami tidak akan mengirim SMS perkembangan aduan lagi, hanya balasan atas SMS Anda. "
            "Aduan tetap diproses. Utk menerima lagi ketik {prefix} MULAI"
        ),
        "optin": (
            "Anda akan menerima lagi SMS perkembangan aduan. Utk mengadu ketik {prefix} (spasi) isi "
            "aduan, lokasi, waktu. Utk berhenti ketik {prefix} STOP"
        ),
        "pointer": (
            "SMS Anda kami simpan, tetapi belum tercatat sbg aduan. Ketik {prefix} (spasi) isi "
            "aduan, lokasi, waktu, kirim ke {number}. Darurat telp 112"
        ),
        "added": (
            "Tambahan utk aduan {ref} sudah kami terima dan akan kami teruskan. "
            "Cek: ketik {prefix} STATUS {ref}. Darurat telp 112"
        ),
    }
)

DEFAULT_TEXTS_EN: Mapping[str, str] = MappingProxyType(
    {
        "ack": (
            "Complaint received by {our_institution}, no. {ref}. We check it within 3 working days. "
            "Status: send {prefix} STATUS {ref}. Emergency: call 112"
        ),
        "registered": (
            "Complaint {ref} is registered at SP4N-LAPOR!, tracking ID {tracking}. "
            "Follow it at lapor.go.id or send {prefix} STATUS {ref}."
        ),
        "ack_rahasia": (
            "Confidential complaint received, no. {ref}. Your number is not passed on to the office; "
            "your text is, as you wrote it. Status: send {prefix} STATUS {ref}"
        ),
        "ack_anonim": (
            "Complaint received without your identity, no. {ref}. Officials do not see your number, "
            "it only serves to answer you. Status: send {prefix} STATUS {ref}"
        ),
        "need_more": (
            "Where is it? For complaint {ref} please reply: {prefix} {ref} then street or estate, "
            "RT/RW, kelurahan, and when it happened."
        ),
        "help": (
            "Complaints to {our_institution}: send {prefix} (space) what, where, when. "
            "Status: {prefix} STATUS number. In confidence: {prefix} RAHASIA text. Emergency: 112"
        ),
        "empty": (
            "Your SMS has no complaint yet. Send {prefix} (space) what, where, when. "
            "Example: {prefix} street light broken at Jl Mawar Sekupang since 1 May"
        ),
        "status": (
            "Complaint {ref} of {date}: {status}, with {unit}. Due {due}. "
            "To add something send {prefix} {ref} and your text."
        ),
        "answer": "Answer of {unit} to complaint {ref}: {answer}",
        "closed": (
            "Complaint {ref} is DONE, says {unit}. Not satisfied? Within {days} working days send "
            "{prefix} {ref} and why. After that it is closed."
        ),
        "passed_on": (
            "Complaint {ref} is not for {our_institution}; we passed it on to {institution} "
            "by SP4N-LAPOR!. No need to send it again."
        ),
        "rejected": (
            "Sorry, complaint {ref} cannot be dealt with: {reason}. You may send it again with "
            "more details, or turn to Ombudsman RI."
        ),
        "late": (
            "We are sorry: complaint {ref} is past its deadline and was taken to our leadership. "
            "You will hear from us. {our_institution}"
        ),
        "unknown_ref": (
            "No such complaint for this phone number. Check the digits and send from the phone you "
            "complained with, or send {prefix} HELP"
        ),
        "duplicate": (
            "We have this complaint already, no. {ref} ({date}). No need to send it again. "
            "Status: send {prefix} STATUS {ref}"
        ),
        "limit": (
            "We got {count} SMS from this number today; all are kept. Automatic answers stop until "
            "tomorrow. Emergency: call 112"
        ),
        "emergency": (
            "This is not an emergency service. For fire, accident or crime call 112 NOW (free). "
            "Your SMS is recorded all the same, no. {ref}"
        ),
        "optout": (
            "We send you no more news of your complaints, only replies to your own SMS. Your "
            "complaints go on. To get news again send {prefix} START"
        ),
        "optin": (
            "You will get news of your complaints again. To complain send {prefix} (space) what, "
            "where, when. To stop send {prefix} STOP"
        ),
        "pointer": (
            "We kept your SMS, but it is not a complaint yet. Send {prefix} (space) what, where, when "
            "to {number}. Emergency: call 112"
        ),
        "added": (
            "We got your addition to complaint {ref} and will pass it on. "
            "Status: send {prefix} STATUS {ref}. Emergency: call 112"
        ),
    }
)

# What acts where it is the whole message, or stands with a reference alone.
DEFAULT_KEYWORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "help": _GRAMMAR.help_words,
        "status": _GRAMMAR.status_words,
        "optout": _GRAMMAR.optout_words,
        "optin": _GRAMMAR.optin_words,
        "test": _GRAMMAR.test_words,
        "rahasia": _GRAMMAR.rahasia_words,
        "anonim": _GRAMMAR.anonim_words,
    }
)

_FIELD = re.compile(r"\{([a-z_]*)\}")


def fill_service_fields(template: str, *, prefix: str, number: str, our_institution: str) -> str:
    """Return the template with the service's own settings filled in; other fields stay."""
    values = {"prefix": prefix, "number": number, "our_institution": our_institution}
    return _FIELD.sub(lambda match: values.get(match[1], match[0]), template)


def longest_septets(template: str) -> int:
    """Return what a valid template takes with the longest values."""
    rest = septet_count(_FIELD.sub("", template)) or 0
    return rest + sum(FIELD_WIDTHS.get(name, 0) for name in _FIELD.findall(template))


def find_fault(kind: str, template: str) -> str | None:
    """Return what a template of this reply was expected to be, or None when nothing is wrong.

    `template` has its service fields filled in already, so that their real lengths count.
    """
    known = REPLY_FIELDS[kind]
    fields = _FIELD.findall(template)
    for name in fields:
        if name not in known and name not in SERVICE_FIELDS:
            allowed = ", ".join(f"{{{field}}}" for field in (*known, *SERVICE_FIELDS))
            return f"expected only the fields {allowed}, found {{{name}}}"
    rest = _FIELD.sub("", template)
    if "{" in rest or "}" in rest:
        return "expected braces only around the name of a field"
    if not template.strip():
        return "expected a text"
    septets = septet_count(rest)
    if septets is None:
        alien = sorted({c for c in rest if septet_count(c) is None})
        return f"expected only characters of GSM-7, found {', '.join(map(ascii, alien[:5]))}"
    longest = longest_septets(template)
    if longest > SEPTETS_PER_SMS:
        return (
            f"expected at most {SEPTETS_PER_SMS} septets with the longest values, "
            f"this takes {longest}"
        )
    return None
