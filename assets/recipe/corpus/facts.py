"""What the pocket assistant knows: small tables that its questions and answers are made from."""

from corpus.sentences import CAPITALS, DAYS, MONTHS, NAMES

__all__ = ["CAPITALS", "DAYS", "MONTHS", "NAMES"]  # used with the tables below

LANGUAGES = {
    "France": "French", "Italy": "Italian", "Spain": "Spanish", "Germany": "German",
    "Japan": "Japanese", "China": "Chinese", "Egypt": "Arabic", "Greece": "Greek",
    "Norway": "Norwegian", "Sweden": "Swedish", "Finland": "Finnish", "Denmark": "Danish",
    "Poland": "Polish", "Austria": "German", "Hungary": "Hungarian", "Portugal": "Portuguese",
    "Mexico": "Spanish", "Brazil": "Portuguese", "Peru": "Spanish", "Chile": "Spanish",
    "Cuba": "Spanish", "Turkey": "Turkish", "Russia": "Russian", "Ukraine": "Ukrainian",
    "Thailand": "Thai", "Vietnam": "Vietnamese", "Australia": "English", "England": "English",
}  # fmt: skip
CONTINENTS = {
    "Europe": "France Italy Spain Germany Greece Norway Sweden Finland Denmark Poland Austria "
    "Hungary Portugal Ireland Ukraine Iceland Belgium Scotland England Wales",
    "Asia": "Japan China India Thailand Vietnam",
    "Africa": "Egypt Kenya",
    "North America": "Canada Mexico Cuba",
    "South America": "Brazil Peru Chile",
}
CONTINENT = {c: name for name, countries in CONTINENTS.items() for c in countries.split()}
MONTH_DAYS = dict(zip(MONTHS, ["31", "28", "31", "30", "31", "30", "31", "31", "30", "31", "30", "31"], strict=True))
ANIMALS = {  # what it says, legs, its young
    "dog": ("woof", "four", "puppy"), "cat": ("meow", "four", "kitten"),
    "cow": ("moo", "four", "calf"), "sheep": ("baa", "four", "lamb"),
    "duck": ("quack", "two", "duckling"), "horse": ("neigh", "four", "foal"),
    "pig": ("oink", "four", "piglet"), "lion": ("roar", "four", "cub"),
    "hen": ("cluck", "two", "chick"), "goat": ("bleat", "four", "kid"),
}  # fmt: skip
COLOURS = {
    "the sky": "blue", "grass": "green", "snow": "white", "a banana": "yellow",
    "coal": "black", "a tomato": "red", "an orange": "orange", "a plum": "purple",
    "chocolate": "brown", "an elephant": "grey", "a lemon": "yellow", "the sea": "blue",
    "a flamingo": "pink", "a carrot": "orange", "milk": "white", "a frog": "green",
}  # fmt: skip
OPPOSITES = {
    "hot": "cold", "big": "small", "up": "down", "left": "right", "day": "night",
    "open": "closed", "fast": "slow", "happy": "sad", "old": "new", "full": "empty",
    "light": "dark", "long": "short", "early": "late", "wet": "dry", "high": "low",
    "near": "far", "rich": "poor", "strong": "weak", "black": "white", "good": "bad",
}  # fmt: skip
WORDS = [
    "cat",
    "dog",
    "sun",
    "moon",
    "tree",
    "fish",
    "bird",
    "book",
    "door",
    "milk",
    "blue",
    "green",
    "apple",
    "house",
    "water",
    "bread",
    "chair",
    "table",
    "music",
    "river",
    "horse",
    "lemon",
    "happy",
    "smile",
    "cloud",
    "train",
    "plane",
    "paper",
    "queen",
    "tiger",
]
PHRASES = [
    "The weather is nice today.", "I like green apples.", "My dog is very happy.",
    "The train is late again.", "We are going home now.", "She sells sea shells.",
    "Practice makes perfect.", "Time flies.", "Better late than never.", "The sky is clear tonight.",
    "Please close the window.", "I will see you tomorrow.", "The soup is too hot.",
    "Birds sing in the morning.", "He lost his blue hat.", "It is raining cats and dogs.",
    "Good things take time.", "The garden is full of roses.", "Let us dance.",
    "My tea is getting cold.", "The cat sleeps on the chair.", "Honesty is the best policy.",
    "Two heads are better than one.", "I can hear you well.", "The moon is bright.",
    "Red lorry, yellow lorry.", "Actions speak louder than words.", "We love music.",
    "The shop opens at nine.", "Never give up.",
]  # fmt: skip
JOKES = [
    "What do you call a sleeping bull? A bulldozer.",
    "Why did the bicycle fall over? It was two tired.",
    "What gets wetter as it dries? A towel.",
    "Why was six afraid of seven? Seven ate nine.",
    "What has four wheels and flies? A garbage truck.",
    "What is brown and sticky? A stick.",
]
