//! Approximate number of distinct values: HyperLogLog++ with 512 registers over XXH64 of each text, as the
//! hosted service counts.
//!
//! Sources: Heule, Nunkesser, Hall, "HyperLogLog in Practice" (2013), with its bias table for precision 9;
//! Collet, the specification of XXH64.

use serde::{Deserialize, Serialize};

/// Registers are numbered by so many leading bits of the hash.
const PRECISION: u32 = 9;
const REGISTERS: usize = 1 << PRECISION;
const SEED: u64 = 42;
/// Up to here the number of empty registers tells more than their values do.
const LINEAR_UP_TO: f64 = 400.0;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hll {
    registers: Vec<u8>,
}

impl Default for Hll {
    fn default() -> Hll {
        Hll { registers: vec![0; REGISTERS] }
    }
}

impl Hll {
    /// Takes the hash of a value; true when the value may have been a new one.
    pub fn update(&mut self, hash: u64) -> bool {
        let register = &mut self.registers[(hash >> (64 - PRECISION)) as usize];
        let rank = ((hash << PRECISION) | (1 << (PRECISION - 1))).leading_zeros() as u8 + 1;
        let grows = rank > *register;
        if grows {
            *register = rank;
        }
        grows
    }

    /// The distinct values of both.
    pub fn merge(&mut self, other: &Hll) {
        for (register, more) in self.registers.iter_mut().zip(&other.registers) {
            *register = (*register).max(*more);
        }
    }

    /// That registers which were read from a file can be used.
    pub(super) fn check(&self) -> Result<(), String> {
        let most = (u64::BITS - PRECISION + 1) as u8;
        let whole = self.registers.len() == REGISTERS && self.registers.iter().all(|&rank| rank <= most);
        if whole { Ok(()) } else { Err("no registers of distinct values".into()) }
    }

    /// The estimate, a whole number.
    pub fn estimate(&self) -> f64 {
        let m = REGISTERS as f64;
        let empty = self.registers.iter().filter(|&&register| register == 0).count();
        if empty > 0 {
            let linear = m * (m / empty as f64).ln();
            if linear <= LINEAR_UP_TO {
                return (linear + 0.5).floor();
            }
        }
        let z: f64 = self.registers.iter().map(|&register| 2f64.powi(-i32::from(register))).sum();
        let raw = 0.7213 / (1.0 + 1.079 / m) * m * m / z;
        let corrected = if raw < 5.0 * m { raw - bias(raw) } else { raw };
        (corrected + 0.5).floor()
    }
}

/// Mean bias of the six raw estimates of the table nearest to this one: a window that starts at most five before
/// the place where it would be inserted, and moves right while the next is nearer than its first. At the end of
/// the table it is shorter.
fn bias(raw: f64) -> f64 {
    let place = RAW_ESTIMATES.partition_point(|&other| other < raw);
    let mut low = place.saturating_sub(NEAREST - 1);
    let mut high = (low + NEAREST).min(RAW_ESTIMATES.len());
    let distance = |at: usize| (RAW_ESTIMATES[at] - raw).abs();
    while high < RAW_ESTIMATES.len() && distance(high) < distance(low) {
        low += 1;
        high += 1;
    }
    BIASES[low..high].iter().sum::<f64>() / (high - low) as f64
}

const NEAREST: usize = 6;

/// XXH64 with the hosted service's seed.
pub fn hash(text: &[u8]) -> u64 {
    xxh64(text, SEED)
}

const P1: u64 = 0x9E37_79B1_85EB_CA87;
const P2: u64 = 0xC2B2_AE3D_27D4_EB4F;
const P3: u64 = 0x1656_67B1_9E37_79F9;
const P4: u64 = 0x85EB_CA77_C2B2_AE63;
const P5: u64 = 0x27D4_EB2F_1656_67C5;

fn xxh64(text: &[u8], seed: u64) -> u64 {
    let (stripes, mut rest) = text.as_chunks::<32>();
    let mut hash = if stripes.is_empty() {
        seed.wrapping_add(P5)
    } else {
        let mut lanes =
            [seed.wrapping_add(P1).wrapping_add(P2), seed.wrapping_add(P2), seed, seed.wrapping_sub(P1)];
        for stripe in stripes {
            let (words, _) = stripe.as_chunks::<8>();
            for (lane, word) in lanes.iter_mut().zip(words) {
                *lane = round(*lane, u64::from_le_bytes(*word));
            }
        }
        let [a, b, c, d] = lanes;
        let start = a
            .rotate_left(1)
            .wrapping_add(b.rotate_left(7))
            .wrapping_add(c.rotate_left(12))
            .wrapping_add(d.rotate_left(18));
        lanes.iter().fold(start, |hash, &lane| (hash ^ round(0, lane)).wrapping_mul(P1).wrapping_add(P4))
    };
    hash = hash.wrapping_add(text.len() as u64);
    while let Some((word, more)) = rest.split_first_chunk::<8>() {
        hash = (hash ^ round(0, u64::from_le_bytes(*word))).rotate_left(27).wrapping_mul(P1).wrapping_add(P4);
        rest = more;
    }
    if let Some((word, more)) = rest.split_first_chunk::<4>() {
        let word = u64::from(u32::from_le_bytes(*word));
        hash = (hash ^ word.wrapping_mul(P1)).rotate_left(23).wrapping_mul(P2).wrapping_add(P3);
        rest = more;
    }
    for &byte in rest {
        hash = (hash ^ u64::from(byte).wrapping_mul(P5)).rotate_left(11).wrapping_mul(P1);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(P2);
    hash = (hash ^ (hash >> 29)).wrapping_mul(P3);
    hash ^ (hash >> 32)
}

fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(P2)).rotate_left(31).wrapping_mul(P1)
}

/// Mean raw estimates of the paper's appendix for precision 9, and their biases below.
const RAW_ESTIMATES: [f64; 201] = [
    369.0, 374.8294, 381.2452, 387.6698, 394.1464, 400.2024, 406.8782, 413.6598, 420.462, 427.2826, 433.7102,
    440.7416, 447.9366, 455.1046, 462.285, 469.0668, 476.306, 483.8448, 491.301, 498.9886, 506.2422,
    513.8138, 521.7074, 529.7428, 537.8402, 545.1664, 553.3534, 561.594, 569.6886, 577.7876, 585.65, 594.228,
    602.8036, 611.1666, 620.0818, 628.0824, 637.2574, 646.302, 655.1644, 664.0056, 672.3802, 681.7192,
    690.5234, 700.2084, 708.831, 718.485, 728.1112, 737.4764, 746.76, 756.3368, 766.5538, 775.5058, 785.2646,
    795.5902, 804.3818, 814.8998, 824.9532, 835.2062, 845.2798, 854.4728, 864.9582, 875.3292, 886.171,
    896.781, 906.5716, 916.7048, 927.5322, 937.875, 949.3972, 958.3464, 969.7274, 980.2834, 992.1444,
    1003.4264, 1013.0166, 1024.018, 1035.0438, 1046.34, 1057.6856, 1068.9836, 1079.0312, 1091.677, 1102.3188,
    1113.4846, 1124.4424, 1135.739, 1147.1488, 1158.9202, 1169.406, 1181.5342, 1193.2834, 1203.8954,
    1216.3286, 1226.2146, 1239.6684, 1251.9946, 1262.123, 1275.4338, 1285.7378, 1296.076, 1308.9692,
    1320.4964, 1333.0998, 1343.9864, 1357.7754, 1368.3208, 1380.4838, 1392.7388, 1406.0758, 1416.9098,
    1428.9728, 1440.9228, 1453.9292, 1462.617, 1476.05, 1490.2996, 1500.6128, 1513.7392, 1524.5174,
    1536.6322, 1548.2584, 1562.3766, 1572.423, 1587.1232, 1596.5164, 1610.5938, 1622.5972, 1633.1222,
    1647.7674, 1658.5044, 1671.57, 1683.7044, 1695.4142, 1708.7102, 1720.6094, 1732.6522, 1747.841,
    1756.4072, 1769.9786, 1782.3276, 1797.5216, 1808.3186, 1819.0694, 1834.354, 1844.575, 1856.2808,
    1871.1288, 1880.7852, 1893.9622, 1906.3418, 1920.6548, 1932.9302, 1945.8584, 1955.473, 1968.8248,
    1980.6446, 1995.9598, 2008.349, 2019.8556, 2033.0334, 2044.0206, 2059.3956, 2069.9174, 2082.6084,
    2093.7036, 2106.6108, 2118.9124, 2132.301, 2144.7628, 2159.8422, 2171.0212, 2183.101, 2193.5112,
    2208.052, 2221.3194, 2233.3282, 2247.295, 2257.7222, 2273.342, 2286.5638, 2299.6786, 2310.8114,
    2322.3312, 2335.516, 2349.874, 2363.5968, 2373.865, 2387.1918, 2401.8328, 2414.8496, 2424.544, 2436.7592,
    2447.1682, 2464.1958, 2474.3438, 2489.0006, 2497.4526, 2513.6586, 2527.19, 2540.7028, 2553.768,
];

const BIASES: [f64; 201] = [
    368.0,
    361.8294,
    355.2452,
    348.6698,
    342.1464,
    336.2024,
    329.8782,
    323.6598,
    317.462,
    311.2826,
    305.7102,
    299.7416,
    293.9366,
    288.1046,
    282.285,
    277.0668,
    271.306,
    265.8448,
    260.301,
    254.9886,
    250.2422,
    244.8138,
    239.7074,
    234.7428,
    229.8402,
    225.1664,
    220.3534,
    215.594,
    210.6886,
    205.7876,
    201.65,
    197.228,
    192.8036,
    188.1666,
    184.0818,
    180.0824,
    176.2574,
    172.302,
    168.1644,
    164.0056,
    160.3802,
    156.7192,
    152.5234,
    149.2084,
    145.831,
    142.485,
    139.1112,
    135.4764,
    131.76,
    129.3368,
    126.5538,
    122.5058,
    119.2646,
    116.5902,
    113.3818,
    110.8998,
    107.9532,
    105.2062,
    102.2798,
    99.4728,
    96.9582,
    94.3292,
    92.171,
    89.7809999999999,
    87.5716,
    84.7048,
    82.5322,
    79.875,
    78.3972,
    75.3464,
    73.7274,
    71.2834,
    70.1444,
    68.4263999999999,
    66.0166,
    64.018,
    62.0437999999999,
    60.3399999999999,
    58.6856,
    57.9836,
    55.0311999999999,
    54.6769999999999,
    52.3188,
    51.4846,
    49.4423999999999,
    47.739,
    46.1487999999999,
    44.9202,
    43.4059999999999,
    42.5342000000001,
    41.2834,
    38.8954000000001,
    38.3286000000001,
    36.2146,
    36.6684,
    35.9946,
    33.123,
    33.4338,
    31.7378000000001,
    29.076,
    28.9692,
    27.4964,
    27.0998,
    25.9864,
    26.7754,
    24.3208,
    23.4838,
    22.7388000000001,
    24.0758000000001,
    21.9097999999999,
    20.9728,
    19.9228000000001,
    19.9292,
    16.617,
    17.05,
    18.2996000000001,
    15.6128000000001,
    15.7392,
    14.5174,
    13.6322,
    12.2583999999999,
    13.3766000000001,
    11.423,
    13.1232,
    9.51639999999998,
    10.5938000000001,
    9.59719999999993,
    8.12220000000002,
    9.76739999999995,
    7.50440000000003,
    7.56999999999994,
    6.70440000000008,
    6.41419999999994,
    6.71019999999999,
    5.60940000000005,
    4.65219999999999,
    6.84099999999989,
    3.4072000000001,
    3.97859999999991,
    3.32760000000007,
    5.52160000000003,
    3.31860000000006,
    2.06940000000009,
    4.35400000000004,
    1.57500000000005,
    0.280799999999999,
    2.12879999999996,
    -0.214799999999968,
    -0.0378000000000611,
    -0.658200000000079,
    0.654800000000023,
    -0.0697999999999865,
    0.858400000000074,
    -2.52700000000004,
    -2.1751999999999,
    -3.35539999999992,
    -1.04019999999991,
    -0.651000000000067,
    -2.14439999999991,
    -1.96659999999997,
    -3.97939999999994,
    -0.604400000000169,
    -3.08260000000018,
    -3.39159999999993,
    -5.29640000000018,
    -5.38920000000007,
    -5.08759999999984,
    -4.69900000000007,
    -5.23720000000003,
    -3.15779999999995,
    -4.97879999999986,
    -4.89899999999989,
    -7.48880000000008,
    -5.94799999999987,
    -5.68060000000014,
    -6.67180000000008,
    -4.70499999999993,
    -7.27779999999984,
    -4.6579999999999,
    -4.4362000000001,
    -4.32139999999981,
    -5.18859999999995,
    -6.66879999999992,
    -6.48399999999992,
    -5.1260000000002,
    -4.4032000000002,
    -6.13500000000022,
    -5.80819999999994,
    -4.16719999999987,
    -4.15039999999999,
    -7.45600000000013,
    -7.24080000000004,
    -9.83179999999993,
    -5.80420000000004,
    -8.6561999999999,
    -6.99940000000015,
    -10.5473999999999,
    -7.34139999999979,
    -6.80999999999995,
    -6.29719999999998,
    -6.23199999999997,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_published_program() {
        // The xxhash package of Python, version 3: `xxhash.xxh64(text, seed=...).intdigest()`.
        let long = "Tromsø".repeat(9);
        for (text, plain, seeded) in [
            ("", 0xef46_db37_51d8_e999, 0x98b1_582b_0977_e704),
            ("a", 0xd24e_c4f1_a98c_6e5b, 0x88e4_fe59_adf7_b0cc),
            ("abc", 0x44bc_2cf5_ad77_0999, 0x13c1_d910_7027_70e6),
            ("0123456789", 0x3f5f_c178_a818_67e7, 0xc54b_95bc_e693_e5e1),
            ("0123456789abcdef0123456789abcdef!", 0x8aff_f4da_ac4e_677e, 0xac06_bf33_3255_5b6f),
            (&long, 0xaf69_f2b8_2403_69fa, 0x6f44_3fe7_8f9b_d860),
        ] {
            assert_eq!(xxh64(text.as_bytes(), 0), plain, "{text}");
            assert_eq!(hash(text.as_bytes()), seeded, "{text}");
        }
        // Spark's documentation: `SELECT xxhash64('Spark')` is -4294468057691064905.
        assert_eq!(hash(b"Spark") as i64, -4_294_468_057_691_064_905);
    }

    fn of(texts: impl Iterator<Item = String>) -> Hll {
        let mut hll = Hll::default();
        texts.for_each(|text| {
            hll.update(hash(text.as_bytes()));
        });
        hll
    }

    #[test]
    fn estimates_are_near_the_truth_in_every_branch() {
        // Standard error of 512 registers: 1.04 / sqrt(512) = 4.6 %.
        for n in [0, 1, 2, 50, 300, 450, 1000, 2400, 5000, 100_000] {
            let estimate = of((0..n).map(|i| format!("id-{i}"))).estimate();
            assert!((estimate - n as f64).abs() <= 0.14 * n as f64, "{n}: {estimate}");
        }
    }

    #[test]
    fn estimates_are_those_of_the_rule_written_down_elsewhere() {
        // A program of its own in Python, with the published table: up to 400 linear counting, above it the raw estimate
        // less its bias, also while registers are empty.
        for (n, expected) in [
            (300, 286.0),
            (410, 399.0),
            (420, 407.0),
            (600, 595.0),
            (1000, 979.0),
            (2400, 2563.0),
            (5000, 5247.0),
        ] {
            assert_eq!(of((0..n).map(|i| format!("id-{i}"))).estimate(), expected, "{n}");
        }
    }

    #[test]
    fn parts_in_any_order_and_rows_twice_change_nothing() {
        let all = of((0..900).map(|i| i.to_string()));
        let mut parts = of((500..900).map(|i| i.to_string()));
        parts.merge(&of((0..600).map(|i| i.to_string())));
        assert_eq!(parts, all);
    }

    #[test]
    fn a_bias_is_the_mean_of_the_six_nearest() {
        // Exactly at a place of the table, in its middle: two or three on either side.
        let at = RAW_ESTIMATES[100];
        let mut nearest: Vec<usize> = (0..RAW_ESTIMATES.len()).collect();
        nearest.sort_by(|&a, &b| (RAW_ESTIMATES[a] - at).abs().total_cmp(&(RAW_ESTIMATES[b] - at).abs()));
        let mean = nearest[..6].iter().map(|&place| BIASES[place]).sum::<f64>() / 6.0;
        assert!((bias(at) - mean).abs() < 1e-9);
        assert_eq!(bias(0.0), BIASES[..6].iter().sum::<f64>() / 6.0);
    }
}
