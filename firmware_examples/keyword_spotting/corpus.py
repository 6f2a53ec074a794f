"""What is said and by whom: the labels, the words and the voices of each split.

A voice is an espeak-ng accent together with a variant, written ``accent+variant``. A variant
belongs to one split only, so that every voice of the test split is unheard in training; two of the
four test accents are unheard as well.
"""

from dataclasses import dataclass

KEYWORDS: tuple[str, ...] = ("yes", "no", "up", "down", "left", "right", "on", "off")
LABELS: tuple[str, ...] = ("noise", "unknown", *KEYWORDS)
NOISE = LABELS.index("noise")
UNKNOWN = LABELS.index("unknown")


@dataclass(frozen=True)
class Split:
    """One part of the data.

    Attributes:
        name: Name of the split and stem of its file.
        stream: Number that keeps the random draws of the splits apart.
        accents: espeak-ng language names.
        variants: espeak-ng voice variants, each spoken in every accent.
        unknown_words: Words that carry the label ``unknown``.
        repeats: Utterances of each keyword by each voice.
        unknown_draws: Utterances of unknown words by each voice.
        copies: Clips mixed from each utterance.
        noise_clips: Clips that hold no foreground word.
        rate_spread: Largest relative change of the playback rate, which shifts the formants.
        colour_db: Spread of the random frequency response given to each copy, in decibel.
    """

    name: str
    stream: int
    accents: tuple[str, ...]
    variants: tuple[str, ...]
    unknown_words: tuple[str, ...]
    repeats: int
    unknown_draws: int
    copies: int
    noise_clips: int
    rate_spread: float
    colour_db: float

    @property
    def voices(self) -> tuple[str, ...]:
        """Every accent with every variant."""
        return tuple(f"{accent}+{variant}" for accent in self.accents for variant in self.variants)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_TRAIN_WORDS = _words(
    """
    zero one two three four five six seven eight nine ten go stop start cat dog bird tree house
    happy wow bed marvin sheila yet yeah yesterday guess best chess less dress west yell yard
    nose note nobody low so show toe boat coat snow home nor north now new none nothing
    cup cut duck pup us under other bus apple open upon hub hut
    town brown gown sound round out loud dark dance done dawn dam
    lift let leg laugh lest loft last land length level lemon
    light night rice ride ripe rate white rabbit bright fight run wrong
    gone long song odd arm ant one won honest aunt
    cough often soft offer orange awful rough cloth
    music lamp garden water window paper table river morning evening kitchen hello please thanks
    forward backward follow learn visual computer machine seventeen Monday Friday hotel
    """
)
_VALIDATION_WORDS = _words(
    """
    yellow press knock nought cuff puff drown lend lie wipe bond toffee eleven doctor silver
    camera planet sugar open wrist chair
    """
)
_TEST_WORDS = _words(
    """
    yesterday guess note snow cup town lift light gone cough two stop bird music water
    yak mess nail noble pub oven crown doubt rest lead rhyme rind font ox coffee thirty twelve
    market pencil summer battery monitor flower bridge quiet
    """
)
_TRAIN_VARIANTS = _words(
    """
    Alex Andrea Andy AnxiousAndy Denis Diogo Gene Gene2 Henrique Mario Michael Mike Nguyen
    RicishayMax RicishayMax2 RicishayMax3 Tweaky adam anika antonio aunty benjamin boris david ed
    edward edward2 f1 f3 grandma grandpa gustave iven iven2 iven3 iven4 klatt klatt2 klatt3 klatt4
    klatt5 m1 m2 m4 m5 m6 marcelo max michel miguel norbert pablo paul pedro rob robert sandro
    shelby steph steph2 steph3 travis Demonic UniRobot anikaRobot announcer croak kaukovalta
    robosoft robosoft2 robosoft3 robosoft4 robosoft5 robosoft6 robosoft7 robosoft8 whisper whisperf
    """
)

TRAIN = Split(
    name="train",
    stream=1,
    accents=("en-us", "en", "en-029", "en-gb-x-rp", "en-gb-x-gbcwmd"),
    variants=_TRAIN_VARIANTS,
    unknown_words=tuple(dict.fromkeys(_TRAIN_WORDS)),
    repeats=4,
    unknown_draws=16,
    copies=3,
    noise_clips=5000,
    rate_spread=0.18,
    colour_db=4.0,
)
VALIDATION = Split(
    name="validation",
    stream=2,
    accents=("en-us", "en", "en-029"),
    variants=("f5", "m8", "Annie", "Jacky", "Marco", "zac"),
    unknown_words=_VALIDATION_WORDS,
    repeats=8,
    unknown_draws=30,
    copies=1,
    noise_clips=200,
    rate_spread=0.0,
    colour_db=0.0,
)
TEST = Split(
    name="test",
    stream=3,
    accents=("en-us", "en", "en-gb-scotland", "en-gb-x-gbclan"),
    variants=(
        *("f2", "f4", "m3", "m7", "Alicia", "Hugo", "Lee", "belinda", "john", "linda", "quincy"),
        "victor",
    ),
    unknown_words=_TEST_WORDS,
    repeats=6,
    unknown_draws=20,
    copies=1,
    noise_clips=400,
    rate_spread=0.0,
    colour_db=0.0,
)
SPLITS: tuple[Split, ...] = (TRAIN, VALIDATION, TEST)
