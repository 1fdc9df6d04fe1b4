"""Reading PLINK data sets: one person or one of several, as one zip, or from the files beside each other."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from confide.errors import Misuse
from palabs.genome_file import bundle_plink, read_genome
from palabs.workload.ancestry.genotypes import read_genotypes
from palabs.workload.ancestry.refusal import BadGenotypes
from palabs.workload.ancestry.text import BLOCK_BYTES

KINDS = {"binary": "plink", "text": "plink_text"}


def packed(person, kind, people=("P1",)):
    return getattr(person, KINDS[kind])(people=people)


def files_of(archive):
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name.partition(".")[2]: opened.read(name) for name in opened.namelist()}


def zip_of(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for kind, data in files.items():
            archive.writestr(f"data/mine.{kind}", data)
    return buffer.getvalue()


@pytest.mark.parametrize("people", [("P1",), ("P0", "P1"), tuple(f"P{i}" for i in range(9))], ids=len)
@pytest.mark.parametrize("kind", KINDS)
def test_one_person_of_a_data_set_is_read(kind, people, somebody, panel):
    """The first of several was not called at all: to read the wrong one would show nothing."""
    wanted = people[-1]
    genotypes = read_genotypes(packed(somebody, kind, people), panel, sample=wanted)
    assert (genotypes.format, genotypes.people, genotypes.rows) == ("PLINK", len(people), len(somebody.snps))
    assert [genotypes.dosage[s.site] for s in somebody.snps] == [s.dosage for s in somebody.snps]
    if len(people) > 1:
        with pytest.raises(BadGenotypes, match="no_panel_snps"):
            read_genotypes(packed(somebody, kind, people), panel, sample=people[0])


@pytest.mark.parametrize("kind", KINDS)
def test_a_data_set_of_several_people_is_refused_with_their_names(kind, somebody, panel):
    with pytest.raises(BadGenotypes) as caught:
        read_genotypes(packed(somebody.some(50), kind, ("P0", "P1")), panel)
    assert caught.value.finding["code"] == "genotypes.samples"
    assert caught.value.finding["got"] == "a file of 2 people: P0, P1"


@pytest.mark.parametrize("kind", KINDS)
def test_alleles_of_the_other_strand_missing_alleles_and_indels_are_settled(kind, somebody, panel):
    files = files_of(packed(somebody.flipped() if kind == "text" else somebody.some(50), kind))
    if kind == "text":
        genotypes = read_genotypes(zip_of(files), panel)
        assert genotypes.tally["strand_flipped"] == len(somebody.snps)
    else:
        lines = files["bim"].splitlines(keepends=True)
        lines[3] = lines[3].rpartition(b"\t")[0] + b"\tTACG\n"
        genotypes = read_genotypes(zip_of(files | {"bim": b"".join(lines)}), panel)
        site = somebody.snps[3].site
        expected = somebody.snps[3].dosage if somebody.snps[3].dosage == 2 else -1
        assert genotypes.dosage[site] == expected


def test_a_map_without_genetic_distances_is_read(somebody, panel):
    files = files_of(somebody.plink_text())
    short = b"".join(line.replace(b" 0 ", b" ") for line in files["map"].splitlines(keepends=True))
    assert read_genotypes(zip_of(files | {"map": short}), panel).tally["used"] == len(somebody.snps)


DAMAGE = {
    "bed cut off": ("binary", lambda f: f | {"bed": f["bed"][:-1]}),
    "bed of another program": ("binary", lambda f: f | {"bed": b"chr1\t100\t200\n"}),
    "bed with people first": ("binary", lambda f: f | {"bed": b"\x6c\x1b\x00" + f["bed"][3:]}),
    "bim cut off": ("binary", lambda f: f | {"bim": f["bim"].partition(b"\n")[2]}),
    "no bim": ("binary", lambda f: {k: f[k] for k in ("bed", "fam")}),
    "no fam": ("binary", lambda f: {k: f[k] for k in ("bed", "bim")}),
    "no map": ("text", lambda f: {"ped": f["ped"]}),
    "map cut off": ("text", lambda f: f | {"map": f["map"].partition(b"\n")[2]}),
    "map of comments": ("text", lambda f: f | {"ped": b"F P 0 0 0 0\n", "map": b"# nothing\n"}),
    "bim of comments": ("binary", lambda f: f | {"bed": f["bed"][:3], "bim": b"# nothing\n"}),
    "ped cut off": ("text", lambda f: f | {"ped": f["ped"].rstrip()[:-2]}),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_data_set_that_is_not_whole_is_refused(damage, somebody, panel):
    kind, spoil = DAMAGE[damage]
    with pytest.raises(BadGenotypes) as caught:
        read_genotypes(zip_of(spoil(files_of(packed(somebody.some(50), kind)))), panel)
    assert caught.value.finding["code"] == "genotypes.plink"


@pytest.mark.parametrize("kind", ["bim", "fam", "map", "ped"])
def test_an_empty_file_of_a_data_set_is_refused(kind, somebody, panel):
    files = files_of(packed(somebody.some(50), "binary" if kind in {"bim", "fam"} else "text"))
    with pytest.raises(BadGenotypes) as caught:
        read_genotypes(zip_of(files | {kind: b""}), panel)
    assert caught.value.finding["code"] in {"genotypes.plink", "genotypes.empty", "genotypes.samples"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_long_list_of_snps_is_read_in_blocks(kind, somebody, panel):
    """The person's SNPs stand before, among and after 400,000 others, which makes several blocks."""
    files = files_of(packed(somebody, kind))
    listed, genotypes, width = ("bim", "bed", 1) if kind == "binary" else ("map", "ped", 4)
    lines = files[listed].splitlines(keepends=True)
    third = len(lines) // 3
    others = [b"9\tx%d\t0\t%d\tA\tG\n" % (i, i) for i in range(200_000)]
    others = others if kind == "binary" else [other.rpartition(b"\tA")[0] + b"\n" for other in others]
    files[listed] = b"".join([*lines[:third], *others, *lines[third : 2 * third], *others, *lines[2 * third :]])
    assert len(files[listed]) > BLOCK_BYTES
    head = 3 if kind == "binary" else len(b"F P1 0 0 0 -9 ")
    data, gap = (
        files[genotypes].rstrip(b"\n") + b" " * (kind == "text"),
        (b"\x03" if kind == "binary" else b"A A ") * 200_000,
    )
    first, second = head + width * third, head + 2 * width * third
    files[genotypes] = data[:first] + gap + data[first:second] + gap + data[second:]
    read = read_genotypes(zip_of(files), panel)
    assert read.rows == len(lines) + 400_000
    assert [read.dosage[s.site] for s in somebody.snps] == [s.dosage for s in somebody.snps]


def test_a_person_with_more_alleles_than_snps_is_refused(somebody, panel):
    files = files_of(packed(somebody, "text"))
    for more in (b" A", b" A A", b" A" * 10_000):
        with pytest.raises(BadGenotypes) as caught:
            read_genotypes(zip_of(files | {"ped": files["ped"].rstrip(b"\n") + more + b"\n"}), panel)
        assert caught.value.finding["code"] == "genotypes.plink"
        assert "more alleles" in caught.value.finding["got"]
    assert read_genotypes(zip_of(files | {"ped": files["ped"].rstrip(b"\n") + b" \t \n"}), panel).rows > 0


def test_a_bed_file_alone_is_refused_with_the_way_to_give_the_others(somebody, panel):
    with pytest.raises(BadGenotypes) as caught:
        read_genotypes(files_of(somebody.plink())["bed"], panel)
    assert caught.value.finding["code"] == "genotypes.plink"
    assert "beside it" in caught.value.finding["remedy"]


@pytest.mark.parametrize("named", ["bed", "bim", "fam", "ped", "map"])
def test_any_file_of_a_data_set_names_it_on_the_disk(named, somebody, panel, tmp_path):
    files = files_of(packed(somebody, "binary" if named in {"bed", "bim", "fam"} else "text"))
    for kind, data in files.items():
        (tmp_path / f"family.{kind}").write_bytes(data)
    genotypes = read_genotypes(read_genome(tmp_path / f"family.{named}"), panel)
    assert genotypes.tally["used"] == len(somebody.snps)


def test_names_of_files_in_capitals_are_found(somebody, panel, tmp_path):
    for kind, data in files_of(somebody.plink()).items():
        (tmp_path / f"FAMILY.{kind.upper()}").write_bytes(data)
    assert read_genotypes(read_genome(tmp_path / "FAMILY.BED"), panel).tally["used"] == len(somebody.snps)


def test_a_bundle_of_the_same_files_is_the_same_bytes(somebody, tmp_path):
    for kind, data in files_of(somebody.some(50).plink()).items():
        (tmp_path / f"x.{kind}").write_bytes(data)
    assert bundle_plink(tmp_path / "x.bed") == bundle_plink(tmp_path / "x.fam")


def test_a_bed_file_without_the_others_on_the_disk_is_misuse(tmp_path):
    (tmp_path / "x.bed").write_bytes(b"\x6c\x1b\x01\x00")
    with pytest.raises(Misuse) as caught:
        read_genome(tmp_path / "x.bed")
    assert caught.value.codes == ("genotypes.plink",)
    assert ".bim and .fam" in caught.value.findings[0].got


def test_the_logs_of_plink_in_the_zip_do_no_harm(somebody, panel):
    files = files_of(somebody.plink()) | {"log": b"PLINK v1.9", "nosex": b"F P1"}
    assert read_genotypes(zip_of(files), panel).tally["used"] == len(somebody.snps)


def test_two_data_sets_in_one_zip_are_refused(somebody, panel):
    both = files_of(somebody.some(50).plink()) | files_of(somebody.some(50).plink_text())
    with pytest.raises(BadGenotypes) as caught:
        read_genotypes(zip_of(both), panel)
    assert caught.value.finding["code"] == "genotypes.archive"


def test_real_data_sets_are_read_as_plink_reads_them(genomes):
    """One person of the exome panel, whose letters the .bim gives for some SNPs, against the training's own reader."""
    from palabs.training.plink import read_plink
    from palabs.workload.ancestry.model import Sites

    reference = read_plink(genomes / "gw14k/kg_p1")
    nothing = np.zeros(len(reference.variants), np.uint32)
    sites = Sites(
        rs=np.array([int(v.name.removeprefix("rs")) for v in reference.variants], np.uint32),
        chromosome=np.array([int(v.chromosome) for v in reference.variants], np.uint8),
        position36=nothing,
        position37=np.array([v.position for v in reference.variants], np.uint32),
        position38=nothing,
        counted=np.array([ord(v.first) for v in reference.variants], np.uint8),
        other=np.array([ord(v.second) for v in reference.variants], np.uint8),
        reference=nothing.astype(np.uint8), source=nothing.astype(np.uint8),
    )  # fmt: skip
    data = bundle_plink(genomes / "gw14k/kg_p1.bed")
    for person in (0, 1, 402, len(reference.people) - 1):
        genotypes = read_genotypes(data, sites, sample=reference.people[person])
        assert np.array_equal(genotypes.dosage, reference.dosage[person])
    assert genotypes.build == 37
