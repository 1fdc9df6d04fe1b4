"""The reference populations of the 1000 Genomes Project: names and places, for people to read.

The place is where the population lives or, for those sampled abroad and named by descent (CEU, GIH, ITU, STU),
where it came from; degrees north and east, rounded, for a dot on a picture of the world.
"""

from __future__ import annotations

from typing import NamedTuple


class Population(NamedTuple):
    """A reference population: its name, its continental group's code, and a place."""

    name: str
    continent: str
    north: float
    east: float


CONTINENTS = {
    "AFR": "African",
    "AMR": "Mixed American",
    "EAS": "East Asian",
    "EUR": "European",
    "SAS": "South Asian",
}

# The 1000 Genomes Project Consortium, Nature 526, 68-74 (2015), supplementary table 1.
POPULATIONS = {
    "ACB": Population("African Caribbean in Barbados", "AFR", 13.2, -59.5),
    "ASW": Population("African ancestry in the south-western USA", "AFR", 34, -98),
    "ESN": Population("Esan in Nigeria", "AFR", 6.5, 8.5),
    "GWD": Population("Gambian (Western Division)", "AFR", 13.4, -16.7),
    "LWK": Population("Luhya in Webuye, Kenya", "AFR", 0.6, 34.8),
    "MSL": Population("Mende in Sierra Leone", "AFR", 8.5, -12.5),
    "YRI": Population("Yoruba in Ibadan, Nigeria", "AFR", 7.4, 3.9),
    "CLM": Population("Colombian in Medellín", "AMR", 6.2, -75.6),
    "MXL": Population("Mexican ancestry in Los Angeles", "AMR", 32, -116),
    "PEL": Population("Peruvian in Lima", "AMR", -12, -77),
    "PUR": Population("Puerto Rican", "AMR", 18.2, -66.5),
    "CDX": Population("Chinese Dai in Xishuangbanna", "EAS", 22, 100.8),
    "CHB": Population("Han Chinese in Beijing", "EAS", 39.9, 116.4),
    "CHS": Population("Southern Han Chinese", "EAS", 26.5, 113),
    "JPT": Population("Japanese in Tokyo", "EAS", 35.7, 139.7),
    "KHV": Population("Kinh in Ho Chi Minh City, Vietnam", "EAS", 10.8, 106.7),
    "CEU": Population("Northern and western European ancestry (Utah)", "EUR", 50, 8),
    "FIN": Population("Finnish in Finland", "EUR", 62, 26),
    "GBR": Population("British in England and Scotland", "EUR", 53, -2),
    "IBS": Population("Iberian in Spain", "EUR", 40.4, -3.7),
    "TSI": Population("Toscani in Italy", "EUR", 43.5, 11.2),
    "BEB": Population("Bengali in Bangladesh", "SAS", 23.7, 90.4),
    "GIH": Population("Gujarati Indian (Houston)", "SAS", 22.5, 71.5),
    "ITU": Population("Indian Telugu (United Kingdom)", "SAS", 16.5, 79.5),
    "PJL": Population("Punjabi in Lahore, Pakistan", "SAS", 31.6, 74.3),
    "STU": Population("Sri Lankan Tamil (United Kingdom)", "SAS", 8, 80.8),
}
