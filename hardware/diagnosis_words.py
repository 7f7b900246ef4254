"""What the diagnosis says, in English and Indonesian, to somebody with a phone in one hand.

Each verdict has its evidence, and an action where there is something to do.
"""

from __future__ import annotations

from typing import NamedTuple

from .diagnosis import Finding

LANGUAGES = ("en", "id")


class Words(NamedTuple):
    """One verdict in one language; the braces are filled with the finding's facts."""

    evidence: str
    action: str = ""


CHECKS = {
    "port": ("port", "port"),
    "permission": ("permission", "izin"),
    "holder": ("held by", "dipakai oleh"),
    "modem_manager": ("ModemManager", "ModemManager"),
    "interface": ("interface", "antarmuka"),
    "speed": ("speed", "kecepatan"),
    "answer": ("answers", "jawaban"),
    "steady": ("stays up", "tetap hidup"),
    "manners": ("echo and mode", "gema dan mode"),
    "identity": ("identity", "identitas"),
    "sim": ("SIM", "SIM"),
    "pin": ("PIN", "PIN"),
    "same_sim": ("same SIM", "SIM yang sama"),
    "registration": ("network", "jaringan"),
    "signal": ("signal", "sinyal"),
    "operator": ("operator", "operator"),
    "smsc": ("SMSC", "SMSC"),
    "storage": ("memory", "memori"),
    "announcements": ("announcements", "pemberitahuan"),
    "loop": ("SMS to itself", "SMS ke diri sendiri"),
    "balance": ("balance", "pulsa"),
    "clock": ("clock", "jam"),
}

NOTHING_TO_DO = ("Nothing: the line is in order.", "Tidak ada: jalur ini beres.")
NEXT = ("Next", "Selanjutnya")

_PASTE = (
    "Put this line into /etc/udev/rules.d/70-smsgate.rules, run `udevadm control --reload`, and plug the modem in "
    "again: {rule}"
)
_PASTE_ID = (
    "Tulis baris ini di /etc/udev/rules.d/70-smsgate.rules, jalankan `udevadm control --reload`, lalu cabut dan "
    "pasang lagi modem: {rule}"
)
_ANTENNA = (
    "Look at the antenna: is it screwed on, and near a window? Then run `smsgate modem watch "
    "{line}` while moving it."
)
_ANTENNA_ID = (
    "Periksa antena: terpasang erat dan dekat jendela? Jalankan `smsgate modem watch {line}` "
    "sambil menggesernya."
)
_POWER = (
    "Give the modem a stronger supply: 2 A, a short thick cable, no unpowered hub. A modem that sends draws 2 A for "
    "an instant."
)
_POWER_ID = (
    "Beri modem catu daya yang lebih kuat: 2 A, kabel pendek dan tebal, tanpa hub pasif. Saat mengirim, modem menarik "
    "arus 2 A sekejap."
)
_CONTACT = "Take the SIM out, wipe its contacts with a dry cloth, put it back until it clicks, and try again."
_CONTACT_ID = (
    "Lepas SIM, lap kontaknya dengan kain kering, pasang lagi sampai terkunci, lalu coba lagi."
)

WORDS: dict[str, tuple[Words, Words]] = {
    # -- the port
    "port_there": (Words("{port} is there."), Words("{port} ada.")),
    "port_missing": (
        Words("There is no {port}; there are: {others}.",
              "Plug the modem in, or write one of these into `port =`: {others}."),
        Words("{port} tidak ada; yang ada: {others}.",
              "Pasang modem, atau tulis salah satu ini di `port =`: {others}."),
    ),
    "port_missing_built_in": (
        Words("There is no {port}, and no free serial port on USB; built into this machine: {others}.",
              "Plug the modem in, try another cable and another USB socket. Only a modem that is wired to one of those "
              "ports is named by it in `port =`."),
        Words("{port} tidak ada, dan tidak ada port serial USB yang bebas; bawaan komputer ini: {others}.",
              "Pasang modem, coba kabel dan colokan USB lain. Hanya modem yang disambung kabel ke salah satu port "
              "itu yang ditulis begitu di `port =`."),
    ),
    "port_none": (
        Words("There is no {port}, and no other serial port that is free.",
              "Plug the modem in, try another cable and another USB socket, and see what `dmesg | tail` says."),
        Words("{port} tidak ada, port serial lain yang bebas juga tidak ada.",
              "Pasang modem, coba kabel dan colokan USB lain, lalu lihat `dmesg | tail`."),
    ),
    "port_no_device": (
        Words("{port} is there, but it is no device.", "Correct `port =`: it must name a tty below /dev."),
        Words("{port} ada, tetapi bukan perangkat.", "Betulkan `port =`: harus sebuah tty di bawah /dev."),
    ),
    "allowed": (Words("User {user} may open it."), Words("Pengguna {user} boleh membukanya.")),
    "allowed_to_daemon": (Words("The daemon may open it."), Words("Daemon boleh membukanya.")),
    "denied": (
        Words("User {user} may not open {port}; the group {group} may.",
              "Run `sudo usermod -aG {group} {user}`, log in again, and try again (or run this with sudo)."),
        Words("Pengguna {user} tidak boleh membuka {port}; grup {group} boleh.",
              "Jalankan `sudo usermod -aG {group} {user}`, masuk ulang, lalu coba lagi (atau jalankan dengan sudo)."),
    ),
    "denied_to_all": (
        Words("User {user} may not open {port}, and no group may.",
              "Run this again with sudo. The daemon needs a group: plug the modem in again, and see `ls -l {port}`."),
        Words("Pengguna {user} tidak boleh membuka {port}, grup mana pun juga tidak.",
              "Ulangi ini dengan sudo. Daemon butuh grup: cabut dan pasang lagi modem, lalu lihat `ls -l {port}`."),
    ),
    "free": (Words("Nobody has it open."), Words("Tidak ada yang memakainya.")),
    "held_by_daemon": (
        Words("The daemon has it open, so the daemon is asked; what would disturb it is left out."),
        Words("Daemon sedang memakainya, jadi daemon yang ditanya; yang mengganggunya tidak diperiksa."),
    ),
    "held": (
        Words("{holders} has {port} open.", "Stop {holders}, or tell it to leave {port} alone."),
        Words("{holders} sedang memakai {port}.", "Hentikan {holders}, atau suruh program itu melepaskan {port}."),
    ),
    "held_by_modem_manager": (
        Words("{holders} has it open.", _PASTE), Words("{holders} sedang memakainya.", _PASTE_ID),
    ),
    "modem_manager_absent": (Words("It does not run here."), Words("Tidak berjalan di sini.")),
    "modem_manager_kept_away": (
        Words("It runs, and leaves this port alone."), Words("Berjalan, tetapi tidak menyentuh port ini."),
    ),
    "modem_manager_near": (
        Words("It runs, and nothing keeps it away from this modem.", _PASTE),
        Words("Berjalan, dan tidak ada yang menjauhkannya dari modem ini.", _PASTE_ID),
    ),
    # -- the line
    "interface": (Words("USB interface {interface}."), Words("Antarmuka USB {interface}.")),
    "wrong_interface": (
        Words("{port} is silent, and {other} of the same device answers.", 'Write `port = "{other}"`.'),
        Words("{port} diam, sedangkan {other} dari perangkat yang sama menjawab.", 'Tulis `port = "{other}"`.'),
    ),
    "speed": (Words("{baud} bits per second."), Words("{baud} bit per detik.")),
    "wrong_speed": (
        Words("At {baud} there is silence, at {other} it answers.", "Write `baud = {other}`."),
        Words("Pada {baud} diam, pada {other} menjawab.", "Tulis `baud = {other}`."),
    ),
    "answers": (Words("It answers AT."), Words("Menjawab AT.")),
    "silent": (
        Words("Nothing answers at any speed, on any interface of the device.",
              "Switch the modem off and on: pull cable and supply for ten seconds. If it stays silent, try another "
              "cable, then another modem."),
        Words("Tidak ada jawaban pada kecepatan mana pun, di antarmuka mana pun.",
              "Matikan lalu hidupkan modem: cabut kabel dan catu daya sepuluh detik. Bila tetap diam, coba kabel "
              "lain, lalu modem lain."),
    ),
    "daemon_refused": (
        Words("{reason}", "Run `smsgate status`, and this again when the line is ready."),
        Words("{reason}", "Jalankan `smsgate status`, lalu ulangi ini bila jalurnya siap."),
    ),
    "trouble": (
        Words("{reason}", "Run this again; if it says the same, switch the modem off and on."),
        Words("{reason}", "Ulangi ini; bila sama, matikan lalu hidupkan modem."),
    ),
    "steady": (Words("It did not restart meanwhile."), Words("Selama diperiksa tidak restart.")),
    "restarts": (
        Words("The modem restarts by itself (seen: {count}).", _POWER),
        Words("Modem restart sendiri (terlihat: {count}).", _POWER_ID),
    ),
    "vanished": (
        Words("The port went away in the middle.", "Try another USB cable and socket; the contact is loose. " + _POWER),
        Words("Port hilang di tengah pemeriksaan.", "Coba kabel dan colokan USB lain; kontaknya longgar. " + _POWER_ID),
    ),
    "fell_silent": (
        Words("It answered, then stopped.",
              "Pull cable and supply for ten seconds, then run this again; if it falls silent again, try another "
              "modem."),
        Words("Tadi menjawab, lalu berhenti.",
              "Cabut kabel dan catu daya sepuluh detik, lalu ulangi; bila diam lagi, coba modem lain."),
    ),
    "manners_good": (Words("Echo off, PDU mode."), Words("Gema mati, mode PDU.")),
    "text_mode_left": (
        Words("Echo off; it was in text mode and left it when told."),
        Words("Gema mati; tadi mode teks, dan mau pindah ke mode PDU."),
    ),
    "echo_stays": (
        Words("It echoes although told not to (ATE0).",
              "Run `smsgate modem at {option} 'ATE0&W'` with the daemon stopped, and this again; if it "
              "still echoes, it is a "
              "modem for other work."),
        Words("Tetap menggemakan perintah walau dilarang (ATE0).",
              "Jalankan `smsgate modem at {option} 'ATE0&W'` saat daemon berhenti, lalu ulangi; bila "
              "tetap bergema, jangan "
              "pakai modem ini."),
    ),
    "text_mode_stays": (
        Words("It stays in text mode although told to leave it (AT+CMGF=0).",
              "Take another modem: this one has no PDU mode, and SMS cannot be read safely without it."),
        Words("Tetap di mode teks walau disuruh pindah (AT+CMGF=0).",
              "Ganti modem: yang ini tidak punya mode PDU, dan tanpa itu SMS tidak aman dibaca."),
    ),
    # -- who it is
    "identified": (Words("{model}, IMEI {imei}."), Words("{model}, IMEI {imei}.")),
    "another_modem": (
        Words("This is {imei}; the configuration has {expected}.",
              "Put the right modem in, or correct `imei =` if the change was planned."),
        Words("Ini {imei}; di konfigurasi {expected}.",
              "Pasang modem yang benar, atau betulkan `imei =` bila memang diganti."),
    ),
    "sim_there": (Words("There is one (ICCID {iccid})."), Words("Ada (ICCID {iccid}).")),
    "sim_missing": (
        Words("The modem sees no SIM.", "Put the SIM in, the contacts towards the modem's, until it clicks."),
        Words("Modem tidak melihat SIM.", "Pasang SIM, kontaknya menghadap kontak modem, sampai terkunci."),
    ),
    "sim_failed": (Words("The SIM does not work.", _CONTACT), Words("SIM tidak berfungsi.", _CONTACT_ID)),
    "sim_not_ready": (
        Words("The SIM does not become ready.", _CONTACT), Words("SIM tidak kunjung siap.", _CONTACT_ID),
    ),
    "pin_not_wanted": (Words("None is wanted."), Words("Tidak diminta.")),
    "pin_wanted": (
        Words("The SIM wants its PIN ({tries} tries left), and none is configured.",
              "Put the SIM into a phone and switch its PIN off; or write the PIN into a file and name it by "
              "`pin_file =`."),
        Words("SIM minta PIN (sisa {tries} kali), dan di konfigurasi tidak ada.",
              "Pasang SIM di telepon dan matikan PIN-nya; atau tulis PIN di sebuah berkas dan sebut di `pin_file =`."),
    ),
    "pin_configured": (
        Words("The SIM wants its PIN ({tries} tries left); one is configured.",
              "Start the daemon, which enters it, once: `systemctl start smsgate`. If it was refused before, "
              "correct it "
              "and run `smsgate modem forget-pin {name}` first."),
        Words("SIM minta PIN (sisa {tries} kali); di konfigurasi ada.",
              "Jalankan daemon, yang memasukkannya satu kali: `systemctl start smsgate`. Bila tadi ditolak, betulkan "
              "PIN dan jalankan dulu `smsgate modem forget-pin {name}`."),
    ),
    "pin_last_try": (
        Words("The SIM wants its PIN, and only {tries} try is left.",
              "Put the SIM into a phone and enter the right PIN there; one more wrong one locks it."),
        Words("SIM minta PIN, dan sisa {tries} kali saja.",
              "Pasang SIM di telepon dan masukkan PIN yang benar di sana; sekali lagi salah, SIM terkunci."),
    ),
    "puk": (
        Words("The SIM is locked and wants its PUK.",
              "Put the SIM into a phone and enter the PUK there; the operator has it. Never guess: ten wrong ones "
              "kill it."),
        Words("SIM terkunci dan minta PUK.",
              "Pasang SIM di telepon dan masukkan PUK di sana; operator punya. Jangan menebak: sepuluh kali salah, "
              "SIM mati."),
    ),
    "pin2_wanted": (
        Words("{lock} is wanted, which no SMS needs."), Words("{lock} diminta; SMS tidak memerlukannya."),
    ),
    "operator_lock": (
        Words("The modem is locked to another operator ({lock}).",
              "Put in a SIM of the operator that the modem was sold by, or take a modem without that lock."),
        Words("Modem terkunci ke operator lain ({lock}).",
              "Pasang SIM dari operator penjual modem ini, atau pakai modem tanpa kunci itu."),
    ),
    "card_lock": (
        Words("The modem is locked to another SIM ({lock}).",
              "Put the SIM back that was in it before, or take a modem without that lock."),
        Words("Modem terkunci ke SIM lain ({lock}).",
              "Pasang kembali SIM yang dulu dipakai di modem ini, atau pakai modem tanpa kunci itu."),
    ),
    "other_lock": (
        Words("The SIM or the modem wants a code for {lock}.",
              "Put the SIM into a phone and look what it asks for; else take a SIM or a modem without that lock."),
        Words("SIM atau modem minta kode untuk {lock}.",
              "Pasang SIM di telepon dan lihat apa yang diminta; atau pakai SIM atau modem tanpa kunci itu."),
    ),
    "sim_same": (Words("The SIM is the one that is known ({known})."), Words("SIM-nya yang dikenal ({known}).")),
    "sim_swapped": (
        Words("Another SIM is in it: {iccid} instead of {known}.",
              "Put the right SIM back; or, if the change was planned, run `smsgate modem accept-sim {name}`."),
        Words("SIM lain terpasang: {iccid}, bukan {known}.",
              "Pasang kembali SIM yang benar; atau, bila memang diganti, jalankan `smsgate modem accept-sim {name}`."),
    ),
    # -- the network
    "registered": (Words("Registered at home."), Words("Terdaftar di jaringan sendiri.")),
    "roaming": (Words("Registered as a guest (roaming)."), Words("Terdaftar sebagai tamu (roaming).")),
    "denied_sim": (
        Words("The network refuses this SIM (cause {cause}).",
              "Call the operator: the SIM is not active, expired or blocked. Try it in a phone meanwhile."),
        Words("Jaringan menolak SIM ini (sebab {cause}).",
              "Hubungi operator: SIM belum aktif, lewat masa tenggang, atau diblokir. Coba dulu di telepon."),
    ),
    "denied_device": (
        Words("The network refuses this modem (cause {cause}).",
              "See whether the modem's IMEI is registered (imei.kemenperin.go.id); if not, take another modem."),
        Words("Jaringan menolak modem ini (sebab {cause}).",
              "Periksa apakah IMEI modem terdaftar (imei.kemenperin.go.id); bila tidak, pakai modem lain."),
    ),
    "denied_place": (
        Words("The network does not let this SIM in here (cause {cause}).",
              "Call the operator: the SIM may not be used in this place or network."),
        Words("Jaringan tidak mengizinkan SIM ini di sini (sebab {cause}).",
              "Hubungi operator: SIM ini tidak boleh dipakai di tempat atau jaringan ini."),
    ),
    "denied_network": (
        Words("The network refuses (cause {cause}).",
              "Put the SIM into a phone: if the phone is refused too, call the operator; if not, restart the modem."),
        Words("Jaringan menolak (sebab {cause}).",
              "Pasang SIM di telepon: bila telepon juga ditolak, hubungi operator; bila tidak, hidupkan ulang modem."),
    ),
    "deregistered": (
        Words("The modem was told to stay off the network (AT+COPS=2).",
              "Run `smsgate modem at {option} AT+COPS=0` with the daemon stopped."),
        Words("Modem disuruh tidak masuk jaringan (AT+COPS=2).",
              "Jalankan `smsgate modem at {option} AT+COPS=0` saat daemon berhenti."),
    ),
    "operator_by_hand": (
        Words("Not registered ({state}), and the operator is chosen by hand.",
              "Run `smsgate modem at {option} AT+COPS=0` with the daemon stopped: then the modem chooses by itself."),
        Words("Belum terdaftar ({state}), dan operator dipilih manual.",
              "Jalankan `smsgate modem at {option} AT+COPS=0` saat daemon berhenti: modem lalu memilih sendiri."),
    ),
    "no_signal": (
        Words("Not registered ({state}), and there is no signal.", _ANTENNA),
        Words("Belum terdaftar ({state}), dan tidak ada sinyal.", _ANTENNA_ID),
    ),
    "not_registered": (
        Words("There is signal, but no registration ({state}).",
              "Wait two minutes. If it stays so, put the SIM into a phone: if the phone gets no network either, call "
              "the operator; else restart the modem."),
        Words("Ada sinyal, tetapi belum terdaftar ({state}).",
              "Tunggu dua menit. Bila tetap begitu, pasang SIM di telepon: bila telepon juga tanpa jaringan, hubungi "
              "operator; bila ada, hidupkan ulang modem."),
    ),
    "signal_good": (Words("{dbm} dBm."), Words("{dbm} dBm.")),
    "signal_weak": (Words("{dbm} dBm: weak.", _ANTENNA), Words("{dbm} dBm: lemah.", _ANTENNA_ID)),
    "signal_unknown": (
        Words("The modem does not tell; it is registered all the same."),
        Words("Modem tidak memberi tahu; tetapi terdaftar."),
    ),
    "no_signal_at_all": (Words("None.", _ANTENNA), Words("Tidak ada.", _ANTENNA_ID)),
    "operator": (Words("{operator}."), Words("{operator}.")),
    "smsc": (Words("{smsc}."), Words("{smsc}.")),
    "smsc_missing": (
        Words("The SIM has no number of an SMSC, so nothing can be sent.",
              'Ask the operator for its SMSC number, and set it: `smsgate modem at {option} '
              '\'AT+CSCA="+62…"\'` with the daemon '
              "stopped."),
        Words("SIM tidak punya nomor SMSC, jadi tidak bisa mengirim.",
              'Tanyakan nomor SMSC ke operator, lalu setel: `smsgate modem at {option} \'AT+CSCA="+62…"\'` saat daemon '
              'berhenti.'),
    ),
    "smsc_wrong": (
        Words("{smsc} is no SMSC of the SIM's country.",
              'Ask the operator for its SMSC number, and set it: `smsgate modem at {option} '
              '\'AT+CSCA="+62…"\'` with the daemon '
              "stopped."),
        Words("{smsc} bukan SMSC negara SIM ini.",
              'Tanyakan nomor SMSC ke operator, lalu setel: `smsgate modem at {option} \'AT+CSCA="+62…"\'` saat daemon '
              'berhenti.'),
    ),
    "smsc_changed": (
        Words("{smsc} instead of {known}.",
              "Set it back: `smsgate modem at {option} 'AT+CSCA=\"{known}\"'` with the daemon stopped; "
              "ask who changed it."),
        Words("{smsc}, bukan {known}.",
              "Kembalikan: `smsgate modem at {option} 'AT+CSCA=\"{known}\"'` saat daemon berhenti; tanya "
              "siapa pengubahnya."),
    ),
    # -- the memories
    "room": (Words("{storage}."), Words("{storage}.")),
    "filling": (
        Words("{storage}: more than half full.",
              "Start the daemon, which files and empties it; if it runs already, see `smsgate status`."),
        Words("{storage}: lebih dari separuh.",
              "Jalankan daemon, yang menyimpan dan mengosongkannya; bila sudah jalan, lihat `smsgate status`."),
    ),
    "full": (
        Words("{storage}: full, nothing more can be received.",
              "Start the daemon, which files and empties it: `systemctl start smsgate`. Delete nothing by hand."),
        Words("{storage}: penuh, tidak bisa menerima lagi.",
              "Jalankan daemon, yang menyimpan dan mengosongkannya: `systemctl start smsgate`. Jangan hapus manual."),
    ),
    "full_beside_daemon": (
        Words("{storage}: full, although the daemon runs.",
              "See `smsgate status`: the disk may be full, or the SIM takes no deletes. Delete nothing by hand."),
        Words("{storage}: penuh, padahal daemon berjalan.",
              "Lihat `smsgate status`: cakram mungkin penuh, atau SIM tidak mau menghapus. Jangan hapus manual."),
    ),
    "announces": (Words("It says when an SMS has come."), Words("Memberi tahu bila ada SMS masuk.")),
    "announces_nothing": (
        Words("It does not say when an SMS has come; it is asked every second instead."),
        Words("Tidak memberi tahu bila ada SMS masuk; modem ditanya tiap detik."),
    ),
    # -- what costs money, and the time
    "loop_arrived": (Words("It came back after {seconds} s."), Words("Kembali setelah {seconds} detik.")),
    "loop_beside_daemon": (
        Words("Left out: the daemon would file it. Send one from your phone, and see `smsgate messages list`."),
        Words("Tidak dicoba: daemon akan menyimpannya. Kirim dari telepon, lalu lihat `smsgate messages list`."),
    ),
    "loop_left_out": (
        Words("Left out, for it costs an SMS: mend what is wrong above first."),
        Words("Tidak dicoba, karena berbiaya satu SMS: perbaiki dulu masalah di atas."),
    ),
    "loop_rejected": (
        Words("The network did not take it ({sense}).",
              "See whether the SIM has credit and may send SMS; the operator tells."),
        Words("Jaringan tidak menerimanya ({sense}).",
              "Periksa apakah SIM punya pulsa dan boleh mengirim SMS; tanyakan ke operator."),
    ),
    "loop_unclear": (
        Words("The modem took it, and the network gave no answer.", "Wait five minutes and run this again."),
        Words("Modem menerimanya, tetapi jaringan tidak menjawab.", "Tunggu lima menit, lalu ulangi."),
    ),
    "loop_lost": (
        Words("It was sent, and did not come within {seconds} s.",
              "See whether the number given is this SIM's own, then send it one from your phone."),
        Words("Terkirim, tetapi tidak datang dalam {seconds} detik.",
              "Periksa apakah nomornya memang nomor SIM ini, lalu kirim SMS ke nomor itu dari telepon."),
    ),
    "balance": (Words("Rp{amount}."), Words("Rp{amount}.")),
    "balance_low": (
        Words("Rp{amount}: less than Rp{least}.", "Top the SIM up."),
        Words("Rp{amount}: kurang dari Rp{least}.", "Isi ulang pulsa SIM ini."),
    ),
    "balance_unreadable": (
        Words("{ussd} is answered, but no amount is found in it.",
              "Look at the answer (`smsgate modem ussd {option} '{ussd}'`), and correct `balance_pattern =`."),
        Words("{ussd} dijawab, tetapi jumlahnya tidak terbaca.",
              "Lihat jawabannya (`smsgate modem ussd {option} '{ussd}'`), lalu betulkan `balance_pattern =`."),
    ),
    "balance_unanswered": (
        Words("The network does not answer {ussd}.", "Ask the operator for its code, and correct `balance_ussd =`."),
        Words("Jaringan tidak menjawab {ussd}.", "Tanyakan kodenya ke operator, lalu betulkan `balance_ussd =`."),
    ),
    "clock": (Words("This machine's clock is kept right."), Words("Jam komputer ini terjaga.")),
    "modem_clock_off": (
        Words("The modem's is off by {minutes} min; nothing relies on it."),
        Words("Jam modem meleset {minutes} menit; tidak ada yang bergantung padanya."),
    ),
    "clock_off": (
        Words("Nobody keeps this machine's clock right, and the modem's differs by {minutes} min ({modem}).",
              "Run `timedatectl set-ntp true`; without internet, set the clock by hand: `timedatectl set-time …`."),
        Words("Tidak ada yang menjaga jam komputer ini, dan jam modem berbeda {minutes} menit ({modem}).",
              "Jalankan `timedatectl set-ntp true`; tanpa internet, setel jam manual: `timedatectl set-time …`."),
    ),
    "clock_unwatched": (
        Words("Nobody keeps this machine's clock right.", "Run `timedatectl set-ntp true`."),
        Words("Tidak ada yang menjaga jam komputer ini.", "Jalankan `timedatectl set-ntp true`."),
    ),
}  # fmt: skip


def title(check: str, language: str) -> str:
    """Return the name of a check."""
    return CHECKS[check][LANGUAGES.index(language)]


def evidence(finding: Finding, language: str) -> str:
    """Return what was seen, as a sentence."""
    return _words(finding, language).evidence.format(**finding.facts)


def action(
    finding: Finding | None, language: str, *, port: str = "/dev/…", name: str | None = None
) -> str:
    """Return the one thing to do next; of no finding, that there is none.

    `port` and `name` are how the person called the modem: with several, a command to copy must say which.
    """
    if finding is None:
        return NOTHING_TO_DO[LANGUAGES.index(language)]
    by_port = f"--port {port}"
    reach = {"line": name or by_port, "option": f"--modem {name}" if name else by_port}
    return _words(finding, language).action.format(**{**finding.facts, **reach})


def _words(finding: Finding, language: str) -> Words:
    return WORDS[finding.verdict][LANGUAGES.index(language)]
