"""The tree of reference populations of the 1000 Genomes Project: names, places and colours, for people to read.

The place is where the population lives or, for those sampled abroad and named by descent (CEU, GIH, ITU, STU),
where it came from; degrees north and east, rounded, for a dot on a picture of the world.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Level = Literal["population", "region", "continent", "world"]


class Region(NamedTuple):
    """A region: its name and its continental group's code."""

    name: str
    continent: str


class Population(NamedTuple):
    """A reference population: its name, its region's code, and a place."""

    name: str
    region: str
    north: float
    east: float

    @property
    def continent(self) -> str:
        """The code of its continental group."""
        return REGIONS[self.region].continent


CONTINENTS = {
    "AFR": "African",
    "AMR": "Mixed American",
    "EAS": "East Asian",
    "EUR": "European",
    "SAS": "South Asian",
}

# The model's own regions, here so that names need no model: populations that genetics hardly tells apart together.
REGIONS = {
    "AFR-W": Region("West African", "AFR"),
    "AFR-E": Region("East African", "AFR"),
    "AFR-D": Region("African diaspora in the Americas", "AFR"),
    "AMR-C": Region("Caribbean and Colombian", "AMR"),
    "AMR-M": Region("Mexican and Peruvian", "AMR"),
    "EAS-H": Region("Han Chinese", "EAS"),
    "EAS-J": Region("Japanese", "EAS"),
    "EAS-S": Region("Southeast Asian", "EAS"),
    "EUR-F": Region("Finnish", "EUR"),
    "EUR-N": Region("Northwestern European", "EUR"),
    "EUR-S": Region("Southern European", "EUR"),
    "SAS-N": Region("Northern South Asian", "SAS"),
    "SAS-E": Region("Eastern South Asian", "SAS"),
    "SAS-S": Region("Southern South Asian", "SAS"),
}

# The 1000 Genomes Project Consortium, Nature 526, 68-74 (2015), supplementary table 1.
POPULATIONS = {
    "ACB": Population("African Caribbean in Barbados", "AFR-D", 13.2, -59.5),
    "ASW": Population("African ancestry in the south-western USA", "AFR-D", 34, -98),
    "ESN": Population("Esan in Nigeria", "AFR-W", 6.5, 8.5),
    "GWD": Population("Gambian (Western Division)", "AFR-W", 13.4, -16.7),
    "LWK": Population("Luhya in Webuye, Kenya", "AFR-E", 0.6, 34.8),
    "MSL": Population("Mende in Sierra Leone", "AFR-W", 8.5, -12.5),
    "YRI": Population("Yoruba in Ibadan, Nigeria", "AFR-W", 7.4, 3.9),
    "CLM": Population("Colombian in Medellín", "AMR-C", 6.2, -75.6),
    "MXL": Population("Mexican ancestry in Los Angeles", "AMR-M", 32, -116),
    "PEL": Population("Peruvian in Lima", "AMR-M", -12, -77),
    "PUR": Population("Puerto Rican", "AMR-C", 18.2, -66.5),
    "CDX": Population("Chinese Dai in Xishuangbanna", "EAS-S", 22, 100.8),
    "CHB": Population("Han Chinese in Beijing", "EAS-H", 39.9, 116.4),
    "CHS": Population("Southern Han Chinese", "EAS-H", 26.5, 113),
    "JPT": Population("Japanese in Tokyo", "EAS-J", 35.7, 139.7),
    "KHV": Population("Kinh in Ho Chi Minh City, Vietnam", "EAS-S", 10.8, 106.7),
    "CEU": Population("Northern and western European ancestry (Utah)", "EUR-N", 50, 8),
    "FIN": Population("Finnish in Finland", "EUR-F", 62, 26),
    "GBR": Population("British in England and Scotland", "EUR-N", 53, -2),
    "IBS": Population("Iberian in Spain", "EUR-S", 40.4, -3.7),
    "TSI": Population("Toscani in Italy", "EUR-S", 43.5, 11.2),
    "BEB": Population("Bengali in Bangladesh", "SAS-E", 23.7, 90.4),
    "GIH": Population("Gujarati Indian (Houston)", "SAS-N", 22.5, 71.5),
    "ITU": Population("Indian Telugu (United Kingdom)", "SAS-S", 16.5, 79.5),
    "PJL": Population("Punjabi in Lahore, Pakistan", "SAS-N", 31.6, 74.3),
    "STU": Population("Sri Lankan Tamil (United Kingdom)", "SAS-S", 8, 80.8),
}

# What a person's genome is made of, for shares and for painting: not the same question as the closest population.
COMPONENTS = {
    "AFR": "African",
    "AMR": "Indigenous American",
    "EAS": "East Asian",
    "EUR": "European",
    "SAS": "South Asian",
    "OCE": "Oceanian",
}


class Colour(NamedTuple):
    """A colour on a light and on a dark page, as #rrggbb."""

    light: str
    dark: str


# Chosen by a search for the largest least distance (CIE 1976 L*a*b*: at least 29 between any two) as seen with normal,
# protanope, deuteranope and tritanope eyes (Machado, Oliveira & Fernandes 2009), with a contrast of 3 : 1 to the page.
COLOURS = {
    "AFR": Colour("#ae2624", "#e06b27"),
    "AMR": Colour("#d862b2", "#bf6fbf"),
    "EAS": Colour("#10a56f", "#05c989"),
    "EUR": Colour("#0046ad", "#6976fb"),
    "SAS": Colour("#b29000", "#ffea3d"),
    "OCE": Colour("#342431", "#c8f4fa"),
}


def name_of(code: str) -> str:
    """The name of a continental group, a region or a population. Raises KeyError for any other code."""
    if code in CONTINENTS:
        return CONTINENTS[code]
    return REGIONS[code].name if code in REGIONS else POPULATIONS[code].name


def continent_of(code: str) -> str:
    """The continental group of a code of any level below the world. Raises KeyError for any other code."""
    if code in CONTINENTS:
        return code
    return REGIONS[code].continent if code in REGIONS else POPULATIONS[code].continent
