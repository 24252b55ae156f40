"""What `ingest_layers` takes, makes and may be given."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from tasks.contract.config import Config
from tasks.contract.errors import InvalidParams, NothingToDo
from tasks.contract.grid import Grid, region_grid, region_margin
from tasks.contract.names import checked_segment
from tasks.contract.spec import TaskSpec

RESAMPLING = {"continuous": ("bilinear", "nearest"), "categorical": ("mode", "nearest")}
EXACT = 1 << 24  # whole numbers up to here are the same as float32
MOST_CLASSES = 65535

Value = str | int


@dataclass(frozen=True)
class Class:
    """A class of a categorical layer and the values that stand for it in the source, as text."""

    label: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Layer:
    """The `[layers.<name>]` table of a region.

    `path` is below PIPELINE_DATA, http(s):// or s3://; `field` is the attribute of polygons that counts;
    a raster has none; `layer` and `where` choose among polygons; `scale` turns a raster's stored numbers into `units`;
    `classes` is a list of the source's own values, or a table label = value or label = [values].
    """

    name: str
    path: str
    type: str
    field: str = ""
    layer: str = ""
    where: str = ""
    classes: tuple[Class, ...] = ()
    units: str = ""
    scale: float = 1.0
    resampling: str = ""
    title: str = ""
    attribution: str = ""
    license: str = ""

    def __post_init__(self) -> None:
        if not self.path:
            raise self.wrong("needs path, the address of its file")
        if self.type not in RESAMPLING:
            raise self.wrong(f"type must be continuous or categorical, found {self.type!r}")
        if (self.type == "categorical") != bool(self.classes):
            raise self.wrong("needs classes when it is categorical, and only then")
        if self.type == "categorical" and (self.units or self.scale != 1):
            raise self.wrong("is categorical and so has neither units nor scale")
        if self.field and (self.resampling or self.scale != 1):
            raise self.wrong("has a field, so it is of polygons: these take neither resampling nor scale")
        if not self.field and (self.layer or self.where):
            raise self.wrong("has layer or where, which are for polygons, and so needs field")
        if self.resampling and self.resampling not in RESAMPLING[self.type]:
            known = " or ".join(RESAMPLING[self.type])
            raise self.wrong(f"is {self.type}: resampling must be {known}, found {self.resampling!r}")
        self._check_classes()

    def _check_classes(self) -> None:
        values = [value for one in self.classes for value in one.values]
        if len(set(values)) != len(values) or len(self.classes) > MOST_CLASSES:
            raise self.wrong("names a value twice in classes, or has too many of them")
        if not self.field and not all(_is_code(value) for value in values):
            raise self.wrong(
                f"is a raster: its classes are a table label = whole number below {EXACT}, found {values[:5]}"
            )

    def wrong(self, what: str) -> InvalidParams:
        """An error that says which table it is about."""
        return InvalidParams(f"[layers.{self.name}] {what}")

    @property
    def method(self) -> str:
        """How a raster is resampled: categories never blend."""
        return self.resampling or RESAMPLING[self.type][0]

    @classmethod
    def of(cls, name: str, table: Any) -> Layer:
        """Read the table; a setting that is not known is an error, not ignored."""
        checked_segment(name, "layer")
        known = {field.name: field.type for field in fields(cls) if field.name != "name"}
        if not isinstance(table, dict) or set(table) - set(known) or not {"path", "type"} <= set(table):
            unknown = sorted(set(table) - set(known)) if isinstance(table, dict) else table
            raise InvalidParams(
                f"[layers.{name}] needs path and type and may hold {', '.join(known)}; unknown: {unknown}"
            )
        for key, value in table.items():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if key != "classes" and not (number if key == "scale" else isinstance(value, str)):
                raise InvalidParams(f"[layers.{name}] {key} must be a {known[key]}, found {value!r}")
        return cls(**{**table, "name": name, "classes": classes_of(name, table.get("classes", []))})


def classes_of(layer: str, declared: Any) -> tuple[Class, ...]:
    """Classes in the order in which they are declared: code 1 is the first."""
    if isinstance(declared, list):
        declared = {str(value): value for value in declared}
    if not isinstance(declared, dict):
        raise InvalidParams(f"[layers.{layer}] classes must be a list or a table, found {declared!r}")
    return tuple(Class(_label(layer, label), _values(layer, label, of)) for label, of in declared.items())


def _label(layer: str, label: str) -> str:
    if (
        not label.isprintable()
        or label != label.strip()
        or not 0 < len(label) <= 80
        or set(label) & set("=:")
    ):
        raise InvalidParams(
            f"[layers.{layer}] class {label!r}: a label is 1 to 80 printable characters without '=' and ':'; "
            "use a table label = value where the source's own value is not one"
        )
    return label


def _values(layer: str, label: str, declared: Any) -> tuple[str, ...]:
    values = declared if isinstance(declared, list) else [declared]
    if not values or not all(isinstance(v, str | int) and not isinstance(v, bool) for v in values):
        raise InvalidParams(
            f"[layers.{layer}] class {label!r} must be a text, a whole number or a list of these, found {declared!r}"
        )
    return tuple(str(value) for value in values)


def _is_code(value: str) -> bool:
    digits = value.removeprefix("-")
    return digits.isdecimal() and int(digits) < EXACT


@dataclass(frozen=True)
class Params:
    """The layers of a region and the grid they are brought to: that of its DEM, margin included."""

    region: str
    grid: Grid
    margin_px: int
    layers: tuple[Layer, ...]
    synthetic: bool

    @classmethod
    def of(cls, config: Config, *, region: str) -> Params:
        """From `regions/<region>.toml`; `NothingToDo` where it names no layers."""
        table = config.region(region)
        layers = table.get("layers", {})
        if not isinstance(layers, dict):
            raise InvalidParams(f"region {region}: layers are tables [layers.<name>], found {layers!r}")
        if not layers:
            raise NothingToDo(f"region {region} names no layers")
        return cls(
            region=region,
            grid=region_grid(table),
            margin_px=region_margin(table),
            layers=tuple(Layer.of(name, layers[name]) for name in sorted(layers)),
            synthetic=bool(table.get("synthetic", False)),
        )


SPEC = TaskSpec(
    name="ingest_layers",
    image="terrain",
    makes={"layers": "layers"},
    params=Params,
    libraries=("rasterio", "numpy", "geopandas", "pyogrio", "shapely"),
    uses=("tasks.sources", "tasks.science.mosaic", "tasks.science.windows"),
    asks_source=True,
)
