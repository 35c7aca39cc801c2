"""Short English sentences from a small grammar of everyday words.

No two words sound alike, so the pronunciation determines the spelling.
"""

WORDS = {
    "WE": "i you we they",
    "WHO": "he she we they",
    "FAMILY": "mother father sister brother friend",
    "ANIMAL": "dog cat bird horse",
    "CHILD": "baby boy girl teacher farmer",
    "THING": "book ball box cup hat letter chair phone picture bag key car boat",
    "PLACE": "garden house kitchen school park street town market",
    "FOOD": "bread milk soup cheese fish water coffee rice",
    "LOOK": "big small new red green blue black white yellow",
    "MOOD": "happy hungry tired cold ready",
    "TASTE": "warm good",
    "GET": "find bring take open",
    "LIKE": "like want need see",
    "DID": "saw found took lost bought",
    "WHEN": "today tomorrow tonight now",
    "AGO": "today yesterday again",
    "HOUR": "three six seven ten",
}

TEMPLATES = (
    "it's MOOD",
    "they're MOOD WHEN",
    "they're in the PLACE WHEN",
    "it's a LOOK THING",
    "GET the THING",
    "GET my LOOK THING",
    "WHO DID FOOD AGO",
    "WHO DID the LOOK THING",
    "WE don't LIKE FOOD",
    "WE LIKE TASTE FOOD",
    "you LIKE FOOD and FOOD",
    "where is your LOOK THING",
    "can you GET the THING",
    "WE can't GET the THING",
    "please GET the THING WHEN",
    "let's GET the THING",
    "WE go to the PLACE",
    "WE go home WHEN",
    "WHO went to the PLACE at HOUR",
    "my FAMILY came home AGO",
    "the CHILD came home at HOUR",
    "your FAMILY didn't LIKE FOOD",
    "what did my FAMILY GET AGO",
    "come to the PLACE with my FAMILY",
    "the ANIMAL isn't MOOD WHEN",
    "the CHILD isn't in the PLACE",
    "a LOOK ANIMAL is in the PLACE",
    "the CHILD was MOOD at HOUR",
    "is the ANIMAL MOOD WHEN",
    "a CHILD DID the ANIMAL",
    "put the FOOD on the LOOK table",
)


def draw_sentence(rng):
    """Draw a sentence of two to seven words: lower-case letters, spaces, apostrophes."""
    template = str(rng.choice(TEMPLATES))
    return " ".join(
        str(rng.choice(WORDS[word].split())) if word in WORDS else word for word in template.split()
    )
