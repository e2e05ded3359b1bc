"""Makes data/countries.json: the grid's intensity of each country, as codecarbon's own resolver gives it.

    python3 worker/carbon/evidence/countries.py DIRECTORY > worker/carbon/data/countries.json

DIRECTORY holds the environments v2 (codecarbon 2.3.4) and v3 (3.3.2); worker/carbon/evidence/parity.sh makes them in
target/carbon-parity.
"""

import json
import subprocess
import sys
from pathlib import Path

READ = """
import json, logging
logging.disable(logging.CRITICAL)
from codecarbon.core.emissions import Emissions
from codecarbon.core.units import Energy
from codecarbon.external.geography import GeoMetadata
from codecarbon.input import DataSource
source = DataSource()
found = {}
for code, row in source.get_global_energy_mix_data().items():
    geo = GeoMetadata(country_iso_code=code, country_name=row["country_name"])
    kilograms = Emissions(source).get_country_emissions(Energy.from_energy(1.0), geo)
    # Of a country without a figure codecarbon makes one from its mix, or takes the world's: neither is the country's.
    if row.get("carbon_intensity"):
        found[code] = [row["country_name"], kilograms * 1000, row["year"]]
print(json.dumps(found))
"""


def read(home, version):
    python = Path(home, version, "bin", "python")
    return json.loads(subprocess.run([python, "-c", READ], check=True, capture_output=True, text=True).stdout)


def main(home):
    new, old = read(home, "v3"), read(home, "v2")
    rows = []
    for code, (name, grams, year) in sorted(new.items()):
        # The grams went through kilograms: 12 digits are more than the source has, and drop the dust.
        row = {"name": name, "year": year, "codecarbon_3_3_2": float(f"{grams:.12g}")}
        if code in old:
            row["codecarbon_2_3_4"] = float(f"{old[code][1]:.12g}")
        rows.append(f"    {json.dumps(code)}: {json.dumps(row, ensure_ascii=False)}")
    body = ",\n".join(rows)
    print(f"""{{
  "about": "Grid carbon intensity per country, gCO2e/kWh, by ISO 3166-1 alpha-3 code, with the year of the newer figure. Made by evidence/countries.py.",
  "source": "codecarbon 3.3.2 and 2.3.4, on PyPI (codecarbon/data/private_infra/global_energy_mix.json); upstream Our World in Data",
  "date": "2026-11",
  "licence": "MIT (codecarbon), CC BY 4.0 (Our World in Data)",
  "countries": {{
{body}
  }}
}}""")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "target/carbon-parity")
