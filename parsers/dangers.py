"""Words by which citizens tell of an emergency, and those that say it is none. Data, folded; `urgency` rules."""

from __future__ import annotations

from parsers.lexicon import list_words

# Events that name themselves.
EVENTS = list_words("""
    KEBAKARAN KEBAKAR TERBAKAR KECELAKAAN KCELAKAAN LAKALANTAS TABRAKAN TERTABRAK KETABRAK DITABRAK
    DIBEGAL DIRAMPOK PERAMPOKAN DIJAMBRET DITUSUK PENUSUKAN DITIKAM PENIKAMAN DIBACOK PEMBACOKAN DIBUNUH
    PEMBUNUHAN DICULIK PENCULIKAN DIPERKOSA PERKOSAAN PEMERKOSAAN DIKEROYOK PENGEROYOKAN DISANDERA
    DISEKAP PENYEKAPAN DITEMBAK TERTEMBAK PENEMBAKAN
    MELEDAK LEDAKAN KESETRUM TERSETRUM KEMALANGAN ROMPAKAN SAMUN DISAMUN
    FIRE ACCIDENT CRASH ROBBERY ROBBED STABBED STABBING EXPLOSION DROWNING DROWNED MURDER KIDNAPPED
    """)
EVENT_PAIRS = frozenset(
    {
        *(("LAKA", "LANTAS"), ("DIGIGIT", "ULAR"), ("DIPATUK", "ULAR"), ("DISERANG", "BUAYA")),
        *(("DITERKAM", "BUAYA"), ("NOT", "BREATHING"), ("BEING", "ATTACKED")),
        *(("KENA", "LANGGAR"), ("ADA", "MAYAT")),
    }
)
# What is an emergency only when it is happening now: thieves are complained about on any day.
THREATS = list_words("""
    BEGAL MALING PENCURI PENCURIAN RAMPOK JAMBRET TAWURAN PERKELAHIAN BERKELAHI BERANTEM RIBUT API ASAP
    BERDARAH KRITIS PARANG GOLOK CELURIT CLURIT SAJAM SENJATA PISTOL PENJAHAT PEMBEGALAN PEROMPAK
    THIEF THIEVES FIGHT FIGHTING BURGLAR BURGLARS INTRUDER INTRUDERS KNIFE GUN SHOOTING ATTACKING BEATING SMOKE LAKA
    TABRAK
    """)
# The same in two words. Counter-example: the road is breaking in two.
THREAT_PAIRS = frozenset(
    {
        *(("BREAKING", "INTO"), ("BROKE", "INTO"), ("BREAK", "INTO")),
        *(("MASUK", "PAKSA"), ("MAIN", "HAKIM"), ("ANGKAT", "PARANG"), ("BAKU", "HANTAM")),
        # `pukul` before a number is the hour
        *(("PUKUL", victim) for victim in ("ISTRI", "ISTERI", "BINI", "ANAK", "ORANG", "ORG")),
        *((take, "PISAU") for take in ("BAWA", "PEGANG", "ACUNGKAN", "PAKAI", "PAKE")),
    }
)
# What is one when it happens to people, or to a boat with people in it: roads and villages drown too
# (`kampung tenggelam banjir`).
MISHAPS = list_words("""
    TENGGELAM KELELEP HANYUT TERSERET KESERET TERTIMBUN KETIMBUN TERTIMPA KETIMPA PINGSAN SEKARAT TERGELETAK
    LOMPAT TERJUN TERCEBUR KECEBUR TERJEPIT KEJEPIT MELILIT DILILIT DIKURUNG TRAPPED UNCONSCIOUS
    """)
PEOPLE = list_words("""
    ANAK ORANG ORG URANG WARGA BAYI BOCAH BALITA BUDAK SUAMI ISTRI ADIK ADEK KAKAK IBU BAPAK NENEK KAKEK LANSIA
    PEREMPUAN WANITA CEWEK GADIS LAKI PRIA PEMUDA NELAYAN PENUMPANG SISWA MURID PEKERJA TUKANG
    AYAH PAPA MAMA OPA OMA CUCU KEPONAKAN ABK MEN WOMEN
    PEOPLE PERSON CHILD CHILDREN KID KIDS BABY TODDLER MAN WOMAN SOMEONE WIFE HUSBAND SON DAUGHTER MOTHER FATHER
    """)
BOATS = list_words("KAPAL BOT POMPONG PERAHU SPEED BOAT SPEEDBOAT SAMPAN PANCUNG FERRY FERI")
# What turns over is a boat or a car, or nothing to hurry for: signs stand upside down (`rambu terbalik`).
OVERTURNED = list_words("TERBALIK TEBALIK KEBALIK KARAM TERGULING CAPSIZED SINKING OVERTURNED")
VEHICLES = BOATS | list_words("MOBIL TRUK TRUCK BUS LORI ANGKOT TANGKI CAR LORRY")
PEOPLE_AND_BOATS = PEOPLE | BOATS
# Violence in progress, behind `lagi`: before a deed it means now (`lagi mukulin istrinya`), behind a
# word it means again (`maling lagi`), so it is no word for now by itself.
VIOLENCE = list_words("""
    MUKUL MUKULI MUKULIN MEMUKUL MEMUKULI DIPUKUL DIPUKULI DIPUKULIN MENGANIAYA DIANIAYA MENYIKSA DISIKSA
    BERANTEM BERKELAHI TAWURAN NGAMUK MENGAMUK KDRT DISERANG MENYERANG NYERANG DIANCAM MENGANCAM
    """)
IN_PROGRESS = list_words("LAGI LG LGI SEDANG SDG MASIH MSH MASI")
# Somebody with a weapon in hand. Counter-example: `beli parang di pasar`.
HOLDS = list_words("BAWA MEMBAWA PEGANG MEMEGANG ACUNGKAN MENGACUNGKAN NGACUNGIN")
WEAPONS = list_words("PARANG GOLOK CELURIT CLURIT SAJAM PISAU PISTOL KNIFE KNIVES")
# A patient for whom minutes count: now, or where the emergency room or the ambulance does not take
# the person in. Counter-example: `warga sesak napas kena asap pabrik` is about the smoke.
# Of these, some are said of patients only, and then `tolong` is no mere courtesy.
CONDITIONS = list_words("BLEEDING KRITIS KEJANG PENDARAHAN PERDARAHAN SEKARAT KERACUNAN")
PATIENTS = list_words("BLEEDING KEJANG PENDARAHAN PERDARAHAN SEKARAT")
PLEAS = list_words("TOLONG TLG HELP")
CONDITION_PAIRS = frozenset(
    {
        *(("SESAK", "NAPAS"), ("SESAK", "NAFAS"), ("MAU", "MELAHIRKAN")),
        *((no, "SADAR") for no in ("TIDAK", "TDK", "GAK", "GA", "TAK", "NGGAK")),
        *((no, "SADARKAN") for no in ("TIDAK", "TDK", "GAK", "GA", "TAK", "NGGAK")),
    }
)
RESCUE = list_words("IGD UGD AMBULAN AMBULANS AMBULANCE")
# Sparks from the power line. Counter-examples: `percikan api bengkel las` is the neighbour's trade,
# `kembang api` a firework.
SPARKS = frozenset(
    {
        ("PERCIKAN", "API"),
        ("PERCIK", "API"),
        ("MEMERCIK", "API"),
        ("KELUAR", "API"),
        ("BUNGA", "API"),
    }
)
POWER_LINE = list_words("KABEL GARDU TRAFO TIANG PLN LISTRIK METERAN")
CRAFTS = list_words("LAS NGELAS BENGKEL GERINDA WELDING")
SELF_HARM = frozenset({("BUNUH", "DIRI"), ("GANTUNG", "DIRI")})
# About to leap: `mau loncat di jembatan`. Counter-example: `anak mau lompat parit ke sekolah`.
LEAPS = list_words("LONCAT LOMPAT TERJUN JUMP")
INTENT = list_words("MAU NAK INGIN HENDAK NEKAT ABOUT TO")
HEIGHTS = list_words("JEMBATAN GEDUNG LANTAI ATAP MENARA TOWER RUSUN ROOF BRIDGE")
# Shut in by water, fire or a lift. Counter-example: `tiap pagi terjebak macet`.
TRAPPED = list_words("TERJEBAK KEJEBAK TERKURUNG KEKURUNG TERPERANGKAP TRAPPED")
CANNOT = list_words("TIDAK TDK GAK GA NGGAK TAK BELUM BLM BELOM")
ABLE = list_words("BISA BS DAPAT DPT SEMPAT BOLEH")
LEAVE = list_words("KELUAR NGUNGSI MENGUNGSI")
ELEMENTS = list_words("""
    BANJIR KEBANJIRAN API KEBAKARAN KEBAKAR TERBAKAR AIRNYA LIFT LONGSOR RERUNTUHAN FLOOD FIRE ELEVATOR
    """)
# A gas that leaks, and now, or people are ill of it. Counter-example: `tabung gas bocor dari pangkalan`.
GAS = list_words("GAS GASNYA ELPIJI LPG AMONIAK KLORIN")
SMELL = list_words("BAU BAUNYA NYENGAT MENYENGAT SMELL")
LEAKS = list_words("BOCOR KEBOCORAN LEAK LEAKING")
ILL = list_words("PINGSAN MUNTAH PUSING MUAL SESAK LEMAS DIZZY")
# Somebody fell in, and is not out: `bocah kepeleset masuk gorong2, belum keluar`. Counter-example: `pasir masuk got`.
FALLS = list_words("JATUH TERJATUH KEPELESET TERPELESET TERPEROSOK KEPEROSOK MASUK NYEMPLUNG")
WATERS = list_words(
    "GORONG SUMUR GOT PARIT SELOKAN LONGKANG LAUT SUNGAI WADUK KOLAM DAM JURANG DRAINASE"
)
NOT_OUT = list_words("KELUAR KETEMU DITEMUKAN DICARI DERAS ARUS DITOLONG TERTOLONG DISELAMATKAN")
SCREAMS = list_words("TERIAKAN JERITAN TERIAK TRIAK BERTERIAK JERIT MENJERIT SCREAMING")

NOW = list_words("""
    SEKARANG SKRG SKRNG SKG SKR SKARANG SKRANG SEDANG SDG BARUSAN DARURAT URGENT EMERGENCY NOW TERJEBAK SOS
    """)
NOW_PAIRS = frozenset(
    {
        *(("SAAT", "INI"), ("DETIK", "INI"), ("MALAM", "INI"), ("BARU", "SAJA"), ("BARU", "AJA")),
        *(("LAGI", "ADA"), ("LG", "ADA")),
        # `orangnya masih di dalam`, `masih ngejar`; not `masih rusak`
        *((still, "DI") for still in ("MASIH", "MSH", "MASI")),
        *((doing, chase) for doing in IN_PROGRESS for chase in ("NGEJAR", "MENGEJAR", "DIKEJAR")),
        *((doing, "BERLANGSUNG") for doing in IN_PROGRESS),
    }
)
# Haste is asked for on any day: it counts where nothing says that the matter is an old one.
HASTE = list_words("CEPAT CEPATAN CPT BURUAN HELP")
CHRONIC = list_words("""
    SERING SRG KERAP TIAP SETIAP SELALU RAWAN MARAK BANYAK BNYK BYK MERAJALELA MAKIN SEMAKIN MUSIM TERUS OFTEN ALWAYS
    EVERY MANY
    """)
IDEOGRAMS = (
    *(
        "着火",
        "火灾",
        "失火",
        "起火",
        "车祸",
        "抢劫",
        "救命",
        "杀人",
        "溺水",
        "爆炸",
        "持刀",
        "拿刀",
        "打劫",
    ),
)

# Before the event, within its clause: not happening, or not this.
BEFORE = list_words("""
    DULU DAHULU PERNAH BEKAS PASCA HABIS SETELAH SESUDAH SERING KERAP KERAPKALI RAWAN SELALU BISA
    BS DAPAT DPT MUNGKIN TAKUT TAKUTNYA KHAWATIR KUATIR CEMAS WASPADA BERPOTENSI POTENSI RESIKO
    RISIKO BAHAYA MEMBAHAYAKAN RENTAN KALAU KALO KLO KL JIKA BILA SEBELUM JANGAN JGN SAMPAI SAMPE SMPE AGAR SUPAYA
    CEGAH MENCEGAH HINDARI MENGHINDARI ANTISIPASI MENYEBABKAN MENGAKIBATKAN MENIMBULKAN PENYEBAB
    PEMADAM ALARM LATIHAN SIMULASI SOSIALISASI PELATIHAN ASURANSI SANTUNAN KLAIM KORBAN BANTUAN
    TANPA AKIBAT KARENA KRN GARA KASUS ANGKA DATA PELAKU KEMARIN KMRN NANTI NTAR ENTAR
    TIAP SETIAP TAHUN MINGGU BULAN LAMA ADANYA INGIN MAU TUNGGU NUNGGU HAMPIR NYARIS TAKUTKAN
    SEMPAT MUDAH GAMPANG BIKIN WAKTU WKTU PENANGGULANGAN UNIT APAR JADWAL
    USED AFRAID MIGHT COULD CAN MAY OFTEN IF ALWAYS PREVENT LAST AVOID CAUSE CAUSES CAUSED
    HYDRANT ANTI ZERO TERJADINYA RUMOR HOAX BERITA BANYAK BNYK BYK MARAK KALI SISA PUING
    MUSIM SEMINGGU SEBULAN SETAHUN
    """)
# Close before it.
NEGATIONS = list_words("TIDAK TDK GAK GA NGGAK TAK BUKAN BKN BELUM BLM NO NOT")
# Behind it: the same, as far as word order has them there.
AFTER = list_words("""
    LALU KEMARIN KMRN KEMAREN KELMARIN DULU LATIHAN SIMULASI KALI PERNAH SETIAP TIAP TAHUN BULAN LAMA DRILL
    ALARM YESTERDAY LAST AGO INSURANCE STATION EXTINGUISHER HYDRANT BRIGADE PRONE SUSULAN EMOSI
    CEMBURU MATAHARI SEMALAM JENGGOT WAITING EVERY SERING SRG KERAP
    """)
# A time that is over, anywhere in the clause: `bulan lalu rumah kami di Baloi kebakaran`. Counter-example:
# `sejak minggu lalu hutan terbakar` goes on.
SPANS = list_words("HARI MALAM MLM MINGGU MGG BULAN BLN TAHUN THN PEKAN TAUN")
OVER = list_words("LALU KEMARIN KMRN KEMAREN KELMARIN SILAM LEPAS")
OVER_PAIRS = frozenset({("LAST", "WEEK"), ("LAST", "MONTH"), ("LAST", "YEAR"), ("LAST", "NIGHT")})
RELATIVE = list_words("YG YANG")
# How old somebody is tells of no other time: `anak 3 tahun tenggelam`, `umur 5 thn`.
AGES = list_words("UMUR USIA BERUMUR BERUSIA AGED") | PEOPLE
YEARS = list_words("TAHUN THN TAUN BULAN BLN")
SINCE = list_words("SEJAK SEMENJAK DARI DR SINCE")
PARTS_OF_DAY = list_words("PAGI SIANG SORE MALAM SUBUH")

# What bursts without danger: a lamp, a tyre, a water pipe, fireworks; in figures of speech bills and patience.
BURSTING = list_words("""
    LAMPU LMPU PJU LPJU BOHLAM BAN PIPA TAGIHAN HARGA PETASAN MERCON KEMBANG BALON POPULASI JUMLAH VIRAL
    EMOSI AMARAH KESABARAN SABAR
    """)
# What sank long ago is a place: `dekat kapal karam tua`.
WRECKS = list_words("TUA LAMA BEKAS TERBENGKALAI")
# Papers burn in fires that are over: who writes of them needs new ones.
PAPERS = list_words("KTP KK AKTA AKTE IJAZAH SURAT DOKUMEN BERKAS BUKU")
BURNING = list_words("KEBAKARAN KEBAKAR TERBAKAR")
# Accidents are counted, too, where a road is complained about: `sudah 5 orang kecelakaan`.
ACCIDENTS = list_words(
    "KECELAKAAN KCELAKAAN TABRAKAN TERTABRAK KETABRAK DITABRAK LAKALANTAS KESETRUM ACCIDENT"
)
# What is hit and is no person: `tiang ditabrak truk` wants repairing.
HIT = list_words("TERTABRAK KETABRAK DITABRAK")
THINGS = list_words("""
    TIANG TROTOAR PAGAR PEMBATAS MEDIAN POHON HALTE RAMBU PORTAL GAPURA LAMPU TEMBOK PJU BAK
    KUCING ANJING SAPI MONYET KAMBING BIAWAK
    """)
ALREADY = list_words("SUDAH SDH UDAH UDH DAH TELAH")
REPEATED = list_words("TERUS TRS TRUS MULU MELULU")
# Crimes that bills and offices are likened to: `ini perampokan`, `dibunuh pelan-pelan oleh tagihan`.
FIGURES = list_words(
    "DIRAMPOK PERAMPOKAN ROMPAKAN DIBUNUH PEMBUNUHAN SAMUN DISAMUN ROBBERY ROBBED MURDER"
)
LIKENESS = list_words(
    "INI NI NAMANYA KAYAK KYK SEPERTI MACAM IBARAT SERASA RASANYA MERASA LIKE DAYLIGHT"
)
BILLS = list_words("""
    PELAN PERLAHAN BOLONG TAGIHAN PAJAK HARGA BIAYA TARIF RETRIBUSI ATURAN SISTEM BUNGA ONGKOS TIKET BILL PRICES TAX
    """)
# Words for fire and smoke that mean something else: fireworks, and the smoke of daily life.
NO_FIRE = list_words("KEMBANG KERETA GUNUNG BATU")
HEARTH = list_words("DAPUR KOMPOR UNGGUN LILIN ROKOK")  # behind it
SMOKE = list_words("ASAP SMOKE")
SMOKE_SOURCES = list_words("""
    PABRIK SAMPAH BAKAR BAKARAN PEMBAKARAN KNALPOT KENDARAAN MOTOR TRUK BUS SATE ROKOK DAPUR CEROBONG FACTORY
    """)

# A live wire: what gives shocks or sparks, on a line that came down, or goes on doing so. Counter-examples:
# `kabel putus, listrik padam`, `token listrik bikin nyetrum dompet`, `kran dispenser nyetrum`.
SHOCKS = list_words(
    "NYETRUM NYETRUMNYA NYTRUM MENYETRUM BERSETRUM NGESTRUM PERCIKAN MEMERCIK SPARKING SPARKS"
)
WIRES = list_words("KABEL KABELNYA TIANG TIANGNYA GARDU TRAFO KAWAT WIRE WIRES CABLE CABLES")
DOWN = list_words("""
    PUTUS JATUH TERJATUH MENJUNTAI JUNTAI ROBOH TUMBANG TERKULAI TERENDAM MELINTANG TERPUTUS FELL FALLEN DOWN SNAPPED
    """)
TELEPHONES = list_words("TELKOM INDIHOME INTERNET WIFI TELEPON")
# A boat that takes in water while it cannot go on, or drifts with people. Counter-examples: `atap kapal
# ferry bocor`, `kapal patroli bocor, minta diperbaiki`.
FOUNDERS = LEAKS | list_words("KEMASUKAN MASUK SINKS ADRIFT TEROMBANG TERAPUNG TERKATUNG")
DRIFTS = list_words("ADRIFT TEROMBANG TERAPUNG TERKATUNG")
WATER = list_words("AIR AIRNYA AEK WATER OMBAK")
STRANDED = list_words("MATI MOGOK MACET DEAD RUSAK") | DRIFTS
ENGINES = list_words("MESIN MESINNYA ENGINE MOTOR")
CREW = PEOPLE | list_words("KAMI KITA SAYA SY AKU WE US ABK")
AT_SEA = list_words("TENGAH LAUT SELAT PELAMPUNG SEA")
ROOFS = list_words("ATAP ATAPNYA PLAFON ROOF CEILING TOILET WC KERAN KRAN GALON DERMAGA PELABUHAN")
# People who beat each other, doubled as thumbs do it: `pukul2an`, `pukul-pukulan`, `baku pukul`.
# Counter-examples: `jam pukul 2 an`, `tiap malam pukul2an`.
BLOWS = list_words("PUKUL TONJOK BACOK TIKAM TEMBAK HANTAM JOTOS TINJU TABOK TENDANG LEMPAR TUSUK")
MUTUAL = frozenset(blow + "AN" for blow in BLOWS) | frozenset({"AN"})
# Somebody shut into a car, or a lift. Counter-examples: `gerbang sekolah dikunci, anak tak bisa masuk`,
# `kunci mobil hilang`.
LOCKED = list_words("TERKUNCI KEKUNCI KKUNCI DIKUNCI TERKUNCINYA LOCKED")
INSIDE = list_words("MOBIL LIFT ELEVATOR BAGASI KULKAS FREEZER TRUK BUS CAR VAN TRUNK")
# Arson about to happen. Counter-examples: `warga mau bakar sampah`, `kalau tidak diaspal kami bakar ban`,
# `harga mau bakar kantong`.
ARSON = list_words("""
    BAKAR MEMBAKAR NGEBAKAR BAKARIN MEMBAKARNYA DIBAKAR DIBAKARNYA BURN BURNING
    """)
HOMES = list_words("""
    RUMAH RUMAHNYA RMH KONTRAKAN KOS KOST KOSAN RUKO TOKO TOKONYA WARUNG MASJID GEREJA SEKOLAH RUSUN DIRI DIRINYA
    HOUSE HOME SHOP SCHOOL ISTRINYA ANAKNYA MOBIL
    """)
THREATENS = INTENT | list_words(
    "MW ANCAM NGANCAM MENGANCAM DIANCAM ANCAMAN GOING THREATENING WANTS"
)
DOUSES = list_words("SIRAM NYIRAM MENYIRAM DISIRAM GUYUR DIGUYUR NGGUYUR SIRAMIN DISIRAMIN")
FUEL = list_words("BENSIN PERTALITE SOLAR KEROSIN PETROL GASOLINE BENZIN")
CONDITIONAL = list_words("KALAU KALO KLO KL JIKA BILA IF ASAL")
OTHERS = (PEOPLE - {"WARGA"}) | list_words("MANTAN TETANGGA JIRAN MERTUA PACAR IPAR PAMAN DIA DIE")
OWN = list_words("KAMI KITA SAYA SY AKU WE GUE")
