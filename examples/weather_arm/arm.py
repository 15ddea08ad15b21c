"""An arm in Python: a weather forecast that needs no key and no network.

Three pages make an arm: who it is (`GET /capabilities`), how it is (`GET /health`), and its work (`POST /execute`,
whose body is the input and whose answer is the output). The weather is made up, but the same place has the same
weather whoever asks, so that results can be compared.
"""

import hashlib
import math
from collections import OrderedDict
from datetime import datetime, timedelta, timezone
from enum import Enum

from fastapi import FastAPI
from pydantic import BaseModel, Field

VERSION = "1.0.0"
STEP = timedelta(hours=3)
CACHE_SIZE = 256

app = FastAPI(title="Weather arm", version=VERSION)


class Condition(str, Enum):
    CLEAR = "clear"
    CLOUDY = "cloudy"
    RAINY = "rainy"
    SNOWY = "snowy"
    STORMY = "stormy"


class WeatherRequest(BaseModel):
    location: str = Field(min_length=1, max_length=200, description="City name or coordinates")
    days: int = Field(5, ge=1, le=14, description="Days of forecast")
    include_analysis: bool = Field(True, description="Whether to sum the forecast up in words")


class WeatherData(BaseModel):
    timestamp: datetime
    temperature_celsius: float
    condition: Condition
    humidity_percent: float = Field(ge=0, le=100)
    wind_speed_kmh: float = Field(ge=0)
    precipitation_mm: float = Field(ge=0)


class WeatherResponse(BaseModel):
    location: str
    forecast: list[WeatherData]
    analysis: str | None = None
    confidence: float = Field(ge=0, le=1)
    data_source: str
    cached: bool = False


class Health(BaseModel):
    status: str
    version: str
    dependencies: dict[str, str]


def chance(*key: object) -> float:
    """A number in 0..1 that is always the same for the same key."""
    digest = hashlib.sha256(repr(key).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def weather_at(place: str, moment: datetime) -> WeatherData:
    """The weather of one place at one moment: a climate, a year's and a day's wave, and chance for each day."""
    day = moment.date().isoformat()
    climate = 25 * chance(place, "climate")
    year = -8 * math.cos(2 * math.pi * moment.timetuple().tm_yday / 365)
    hour = -4 * math.cos(2 * math.pi * (moment.hour - 2) / 24)
    temperature = climate + year + hour + 6 * (chance(place, day) - 0.5)

    wetness = chance(place, day, "wet")
    rain = round(max(0.0, wetness - 0.6) * 10 * chance(place, moment), 1)
    wind = 40 * chance(place, day, "wind") * (0.6 + 0.4 * chance(place, moment, "gust"))
    return WeatherData(
        timestamp=moment,
        temperature_celsius=round(temperature, 1),
        condition=condition(temperature, wetness, rain, wind),
        humidity_percent=round(40 + 55 * wetness, 1),
        wind_speed_kmh=round(wind, 1),
        precipitation_mm=rain,
    )


def condition(temperature: float, wetness: float, rain: float, wind: float) -> Condition:
    if rain == 0:
        return Condition.CLOUDY if wetness > 0.4 else Condition.CLEAR
    if temperature < 1:
        return Condition.SNOWY
    return Condition.STORMY if wind > 30 else Condition.RAINY


def analyse(forecast: list[WeatherData]) -> str:
    temperatures = [point.temperature_celsius for point in forecast]
    wet = {point.timestamp.date() for point in forecast if point.precipitation_mm > 0}
    change = temperatures[-1] - temperatures[0]
    trend = "getting warmer" if change > 3 else "getting colder" if change < -3 else "staying much the same"
    return (
        f"{min(temperatures):.0f} to {max(temperatures):.0f} degrees, "
        f"{sum(temperatures) / len(temperatures):.0f} on average, {trend}; "
        f"rain or snow on {len(wet)} of {len({point.timestamp.date() for point in forecast})} days."
    )


forecasts: OrderedDict[tuple, list[WeatherData]] = OrderedDict()


@app.post("/execute")
async def execute(request: WeatherRequest) -> WeatherResponse:
    start = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    key = (request.location.casefold(), request.days, start)
    cached = key in forecasts
    if not cached:
        forecasts[key] = [weather_at(key[0], start + STEP * index) for index in range(request.days * 8)]
    forecasts.move_to_end(key)
    while len(forecasts) > CACHE_SIZE:
        forecasts.popitem(last=False)

    forecast = forecasts[key]
    return WeatherResponse(
        location=request.location,
        forecast=forecast,
        analysis=analyse(forecast) if request.include_analysis else None,
        # The further ahead, the less sure.
        confidence=round(0.98 - 0.03 * request.days, 2),
        data_source="synthetic",
        cached=cached,
    )


@app.get("/capabilities")
async def capabilities() -> dict:
    return {
        "arm_id": "weather",
        "name": "Weather arm",
        "version": VERSION,
        "description": "Forecasts the weather of a place for up to 14 days",
        "capabilities": ["weather_forecast", "weather_analysis", "location_weather"],
        "input_schema": WeatherRequest.model_json_schema(),
        "output_schema": WeatherResponse.model_json_schema(mode="serialization"),
        "cost_tier": 1,
        "average_latency_ms": 10,
        "max_concurrent": 10,
        "side_effects": "none",
        "varies": True,
    }


@app.get("/health")
async def health() -> Health:
    return Health(status="healthy", version=VERSION, dependencies={})
