// An axis: where numbers stand, and which of them are named.
function makeScale(low, high, start, end, log = false) {
  const bend = log ? Math.log10 : Number;
  const back = log ? value => 10 ** value : Number;
  const [a, b] = [bend(low), bend(high)];
  const per = (end - start) / (b - a || 1);
  return {
    low, high, log,
    at: value => start + (bend(value) - a) * per,
    of: place => back(a + (place - start) / per),
    ticks: log ? logTicks(low, high) : linearTicks(low, high),
  };
}

function linearTicks(low, high) {
  const rough = (high - low || 1) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find(one => one * power >= rough) * power;
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, number) => (first + number) * step);
}

function logTicks(low, high) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++) {
    for (const one of [1, 2, 5]) found.push(one * 10 ** power);
  }
  const within = found.filter(value => value >= low && value <= high);
  return within.length > 1 ? within : linearTicks(low, high).filter(value => value > 0);
}

const UNITS = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];

function tickText(value) {
  const [size, unit] = UNITS.find(([least]) => Math.abs(value) >= least) ?? [1, ""];
  return `${parseFloat((value / size).toPrecision(4))}${unit}`.replace("-", "\u2212");
}
