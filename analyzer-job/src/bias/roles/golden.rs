//! Cases of the open bias package (smclarify 0.5): columns in, printed values and metrics out.

/// Type and cells of a column; `-` is missing.
pub(super) type Column = (&'static str, &'static str);

/// Values of metrics by code.
pub(super) type Metrics = &'static [(&'static str, f64)];

pub(super) struct Case {
    pub(super) id: &'static str,
    pub(super) facet: Column,
    pub(super) label: Column,
    pub(super) predicted: Column,
    pub(super) group: Option<Column>,
    /// Lists of the configuration as JSON.
    pub(super) facet_list: &'static str,
    pub(super) label_list: &'static str,
    pub(super) printed_label: &'static str,
    /// Printed value of each entry, and those metrics that have a number.
    pub(super) entries: &'static [(&'static str, Metrics)],
    /// The post-training section fails for want of a positive prediction.
    pub(super) no_positive_prediction: bool,
}

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    Case {
        id: "s01-int-binary-60",
        facet: COLUMN_0,
        label: COLUMN_1,
        predicted: COLUMN_2,
        group: None,
        facet_list: "[\"f\"]",
        label_list: "[1]",
        printed_label: "1",
        entries: &[("f", &[("CI", -0.06666666666666667), ("DPL", 0.2276785714285714), ("AD", 0.004464285714285698), ("DPPL", 0.2053571428571429), ("RD", 0.05681818181818177)])],
        no_positive_prediction: false,
    },
    Case {
        id: "s02-group",
        facet: COLUMN_0,
        label: COLUMN_1,
        predicted: COLUMN_2,
        group: Some(COLUMN_3),
        facet_list: "[\"f\"]",
        label_list: "[1]",
        printed_label: "1",
        entries: &[("f", &[("CDDL", 0.2363492063492064), ("CI", -0.06666666666666667), ("DPL", 0.2276785714285714), ("AD", 0.004464285714285698), ("CDDPL", 0.21560846560846564), ("DPPL", 0.2053571428571429), ("RD", 0.05681818181818177)])],
        no_positive_prediction: false,
    },
    Case {
        id: "s03-group-int",
        facet: COLUMN_0,
        label: COLUMN_1,
        predicted: COLUMN_2,
        group: Some(COLUMN_4),
        facet_list: "[\"f\"]",
        label_list: "[1]",
        printed_label: "1",
        entries: &[("f", &[("CDDL", 0.2363492063492064), ("CI", -0.06666666666666667), ("DPL", 0.2276785714285714), ("AD", 0.004464285714285698), ("CDDPL", 0.21560846560846564), ("DPPL", 0.2053571428571429), ("RD", 0.05681818181818177)])],
        no_positive_prediction: false,
    },
    Case {
        id: "s04-facet-all-values",
        facet: COLUMN_0,
        label: COLUMN_1,
        predicted: COLUMN_2,
        group: None,
        facet_list: "[]",
        label_list: "[1]",
        printed_label: "1",
        entries: &[("f", &[("CI", -0.06666666666666667), ("DPL", 0.2276785714285714), ("AD", 0.004464285714285698), ("DPPL", 0.2053571428571429), ("RD", 0.05681818181818177)]), ("m", &[("CI", 0.06666666666666667), ("DPL", -0.2276785714285714), ("AD", -0.004464285714285698), ("DPPL", -0.2053571428571429), ("RD", -0.05681818181818177)])],
        no_positive_prediction: false,
    },
    Case {
        id: "s05-facet-empty-list",
        facet: COLUMN_0,
        label: COLUMN_1,
        predicted: COLUMN_2,
        group: None,
        facet_list: "[]",
        label_list: "[1]",
        printed_label: "1",
        entries: &[("f", &[("CI", -0.06666666666666667), ("DPL", 0.2276785714285714), ("AD", 0.004464285714285698), ("DPPL", 0.2053571428571429), ("RD", 0.05681818181818177)]), ("m", &[("CI", 0.06666666666666667), ("DPL", -0.2276785714285714), ("AD", -0.004464285714285698), ("DPPL", -0.2053571428571429), ("RD", -0.05681818181818177)])],
        no_positive_prediction: false,
    },
    Case {
        id: "s06-string-label",
        facet: COLUMN_0,
        label: COLUMN_5,
        predicted: COLUMN_6,
        group: None,
        facet_list: "[\"m\"]",
        label_list: "[\"yes\"]",
        printed_label: "yes",
        entries: &[("m", &[("CI", 0.06666666666666667), ("DPL", -0.2276785714285714), ("AD", -0.004464285714285698), ("DPPL", -0.2053571428571429), ("RD", -0.05681818181818177)])],
        no_positive_prediction: false,
    },
    Case {
        id: "s07-multiclass",
        facet: COLUMN_0,
        label: COLUMN_7,
        predicted: COLUMN_8,
        group: None,
        facet_list: "[\"f\"]",
        label_list: "[\"cat\", \"dog\"]",
        printed_label: "cat,dog",
        entries: &[("f", &[("CI", -0.06666666666666667), ("DPL", -0.044642857142857095), ("AD", -0.022321428571428603), ("DPPL", 0.022321428571428603), ("RD", 0.025252525252525193)])],
        no_positive_prediction: false,
    },
    Case {
        id: "s08-cont-facet",
        facet: COLUMN_9,
        label: COLUMN_1,
        predicted: COLUMN_2,
        group: None,
        facet_list: "[40]",
        label_list: "[1]",
        printed_label: "1",
        entries: &[("(40, 80]", &[("CI", -0.23333333333333334), ("DPL", 0.11633372502937717), ("AD", -0.14218566392479437), ("DPPL", 0.19271445358401879), ("RD", -0.033333333333333326)])],
        no_positive_prediction: false,
    },
    Case {
        id: "s09-cont-label",
        facet: COLUMN_0,
        label: COLUMN_10,
        predicted: COLUMN_11,
        group: None,
        facet_list: "[\"f\"]",
        label_list: "[50]",
        printed_label: "(50.0, 96.62]",
        entries: &[("f", &[("CI", -0.06666666666666667), ("DPL", -0.23214285714285715), ("AD", 0.1071428571428571), ("DPPL", -0.16964285714285715), ("RD", 0.06818181818181823)])],
        no_positive_prediction: false,
    },
    Case {
        id: "s10-cont-both",
        facet: COLUMN_12,
        label: COLUMN_10,
        predicted: COLUMN_11,
        group: None,
        facet_list: "[28.5]",
        label_list: "[50.5]",
        printed_label: "(50.5, 96.62]",
        entries: &[("(28.5, 80.0]", &[("CI", -0.5666666666666667), ("DPL", -0.1685761047463175), ("AD", 0.1358428805237316), ("DPPL", -0.006546644844517169), ("RD", 0.2692307692307693)])],
        no_positive_prediction: false,
    },
    Case {
        id: "s11-int-facet",
        facet: COLUMN_13,
        label: COLUMN_1,
        predicted: COLUMN_2,
        group: None,
        facet_list: "[0]",
        label_list: "[1]",
        printed_label: "1",
        entries: &[("0", &[("CI", 0.3), ("DPL", 0.17948717948717946), ("AD", 0.10622710622710618), ("DPPL", 0.1611721611721612), ("RD", 0.18571428571428572)])],
        no_positive_prediction: false,
    },
    Case {
        id: "s12-small-int-is-continuous",
        facet: COLUMN_14,
        label: COLUMN_15,
        predicted: COLUMN_16,
        group: None,
        facet_list: "[0]",
        label_list: "[1]",
        printed_label: "",
        entries: &[("(0, 1]", &[("CI", -0.4), ("DPL", 0.0)])],
        no_positive_prediction: true,
    },
    Case {
        id: "s13-small-int-threshold0",
        facet: COLUMN_17,
        label: COLUMN_18,
        predicted: COLUMN_19,
        group: None,
        facet_list: "[0]",
        label_list: "[0]",
        printed_label: "(0, 1]",
        entries: &[("(0, 1]", &[("CI", 0.0), ("DPL", 0.19999999999999996), ("AD", 0.20000000000000007), ("DPPL", 0.0), ("RD", 0.16666666666666663)])],
        no_positive_prediction: false,
    },
    Case {
        id: "s14-small-alpha",
        facet: COLUMN_20,
        label: COLUMN_21,
        predicted: COLUMN_22,
        group: None,
        facet_list: "[\"b\"]",
        label_list: "[\"p\"]",
        printed_label: "p",
        entries: &[("b", &[("CI", 0.25), ("DPL", 0.26666666666666666), ("AD", 0.13333333333333341), ("DPPL", -0.2666666666666666), ("RD", -0.33333333333333337)])],
        no_positive_prediction: false,
    },
    Case {
        id: "s15-numeric-strings-small",
        facet: COLUMN_20,
        label: COLUMN_23,
        predicted: COLUMN_24,
        group: None,
        facet_list: "[\"b\"]",
        label_list: "[0]",
        printed_label: "(0, 1]",
        entries: &[("b", &[("CI", 0.25), ("DPL", 0.26666666666666666), ("AD", 0.13333333333333341), ("DPPL", -0.2666666666666666), ("RD", -0.33333333333333337)])],
        no_positive_prediction: false,
    },
    Case {
        id: "s16-bool-label",
        facet: COLUMN_0,
        label: COLUMN_25,
        predicted: COLUMN_26,
        group: None,
        facet_list: "[\"f\"]",
        label_list: "[1]",
        printed_label: "1",
        entries: &[("f", &[("CI", -0.06666666666666667), ("DPL", 0.2276785714285714), ("AD", 0.004464285714285698), ("DPPL", 0.2053571428571429), ("RD", 0.05681818181818177)])],
        no_positive_prediction: false,
    },
    Case {
        id: "s17-facet-absent-value",
        facet: COLUMN_0,
        label: COLUMN_1,
        predicted: COLUMN_2,
        group: None,
        facet_list: "[\"zzz\"]",
        label_list: "[1]",
        printed_label: "1",
        entries: &[("zzz", &[])],
        no_positive_prediction: false,
    },
    Case {
        id: "s18-facet-all-rows",
        facet: COLUMN_27,
        label: COLUMN_1,
        predicted: COLUMN_2,
        group: Some(COLUMN_1),
        facet_list: "[\"f\"]",
        label_list: "[1]",
        printed_label: "1",
        entries: &[("f", &[("CDDL", 0.1), ("CDDPL", 0.0)])],
        no_positive_prediction: false,
    },
    Case {
        id: "s19-no-positive-predicted",
        facet: COLUMN_0,
        label: COLUMN_1,
        predicted: COLUMN_28,
        group: None,
        facet_list: "[\"f\"]",
        label_list: "[1]",
        printed_label: "1",
        entries: &[("f", &[("CI", -0.06666666666666667), ("DPL", 0.2276785714285714)])],
        no_positive_prediction: true,
    },
    Case {
        id: "s20-d-no-positive",
        facet: COLUMN_29,
        label: COLUMN_30,
        predicted: COLUMN_31,
        group: None,
        facet_list: "[\"d\"]",
        label_list: "[1]",
        printed_label: "1",
        entries: &[("d", &[("CI", 0.0), ("DPL", 0.5), ("AD", -0.09999999999999998), ("DPPL", 0.6), ("RD", 1.0)])],
        no_positive_prediction: false,
    },
    Case {
        id: "s21-disjoint-labels",
        facet: COLUMN_29,
        label: COLUMN_32,
        predicted: COLUMN_32,
        group: None,
        facet_list: "[\"d\"]",
        label_list: "[1]",
        printed_label: "1",
        entries: &[("d", &[("CI", 0.0), ("DPL", 1.0), ("AD", 0.0), ("DPPL", 1.0), ("RD", 1.0)])],
        no_positive_prediction: false,
    },
    Case {
        id: "s22-no-false-positive-d",
        facet: COLUMN_29,
        label: COLUMN_33,
        predicted: COLUMN_34,
        group: None,
        facet_list: "[\"d\"]",
        label_list: "[1]",
        printed_label: "1",
        entries: &[("d", &[("CI", 0.0), ("DPL", 0.16666666666666669), ("AD", -0.16666666666666674), ("DPPL", 0.33333333333333337), ("RD", 0.16666666666666663)])],
        no_positive_prediction: false,
    },
    Case {
        id: "s23-qa-zero",
        facet: COLUMN_29,
        label: COLUMN_1,
        predicted: COLUMN_35,
        group: None,
        facet_list: "[\"d\"]",
        label_list: "[1]",
        printed_label: "1",
        entries: &[("d", &[("CI", 0.0), ("DPL", -0.033333333333333326), ("AD", -0.033333333333333326), ("DPPL", -0.3333333333333333), ("RD", -0.42857142857142855)])],
        no_positive_prediction: false,
    },
    Case {
        id: "s24-int-label-string-config",
        facet: COLUMN_0,
        label: COLUMN_1,
        predicted: COLUMN_2,
        group: None,
        facet_list: "[\"f\"]",
        label_list: "[\"1\"]",
        printed_label: "1",
        entries: &[("f", &[("CI", -0.06666666666666667), ("DPL", 0.2276785714285714), ("AD", 0.004464285714285698), ("DPPL", 0.2053571428571429), ("RD", 0.05681818181818177)])],
        no_positive_prediction: false,
    },
    Case {
        id: "s25-string-label-int-config",
        facet: COLUMN_0,
        label: COLUMN_36,
        predicted: COLUMN_37,
        group: None,
        facet_list: "[\"f\"]",
        label_list: "[1]",
        printed_label: "1",
        entries: &[("f", &[("CI", -0.06666666666666667), ("DPL", 0.2276785714285714), ("AD", 0.004464285714285698), ("DPPL", 0.2053571428571429), ("RD", 0.05681818181818177)])],
        no_positive_prediction: false,
    },
];

#[rustfmt::skip]
const COLUMN_0: Column = ("string", "f m m m m f f f m m m f f f m m f m f f f f f m f m f m m f f f m f m m m m f m f m f f m f f m m m f f m f f f f f m m");
#[rustfmt::skip]
const COLUMN_1: Column = ("int64", "0 1 1 0 1 1 0 0 1 1 0 0 0 0 1 1 1 1 0 1 0 0 1 0 0 1 0 1 0 0 0 1 0 0 0 0 1 1 0 1 0 0 0 0 1 1 0 1 1 0 1 0 0 1 0 1 1 1 0 0");
#[rustfmt::skip]
const COLUMN_2: Column = ("int64", "1 1 1 0 1 0 1 0 1 1 0 0 0 0 1 1 1 1 0 1 0 0 1 0 0 0 1 1 1 0 0 1 0 0 1 0 1 0 0 1 0 1 1 1 1 0 0 1 1 0 1 0 1 1 0 1 1 1 0 0");
#[rustfmt::skip]
const COLUMN_3: Column = ("string", "g1 g1 g1 g1 g2 g1 g2 g2 g2 g0 g1 g1 g0 g2 g0 g2 g0 g2 g0 g0 g2 g2 g2 g1 g1 g0 g1 g2 g1 g1 g1 g2 g0 g2 g0 g1 g0 g1 g0 g2 g0 g0 g1 g2 g2 g1 g1 g2 g1 g2 g0 g1 g0 g1 g1 g2 g1 g2 g0 g0");
#[rustfmt::skip]
const COLUMN_4: Column = ("int64", "1 1 1 1 2 1 2 2 2 0 1 1 0 2 0 2 0 2 0 0 2 2 2 1 1 0 1 2 1 1 1 2 0 2 0 1 0 1 0 2 0 0 1 2 2 1 1 2 1 2 0 1 0 1 1 2 1 2 0 0");
#[rustfmt::skip]
const COLUMN_5: Column = ("string", "no yes yes no yes yes no no yes yes no no no no yes yes yes yes no yes no no yes no no yes no yes no no no yes no no no no yes yes no yes no no no no yes yes no yes yes no yes no no yes no yes yes yes no no");
#[rustfmt::skip]
const COLUMN_6: Column = ("string", "yes yes yes no yes no yes no yes yes no no no no yes yes yes yes no yes no no yes no no no yes yes yes no no yes no no yes no yes no no yes no yes yes yes yes no no yes yes no yes no yes yes no yes yes yes no no");
#[rustfmt::skip]
const COLUMN_7: Column = ("string", "cat bird bird bird cat cat cat dog dog bird cat cat bird dog dog bird dog dog dog dog cat bird cat dog cat cat bird dog dog bird dog dog dog bird bird bird dog dog cat cat bird dog cat bird dog bird dog bird cat dog cat cat bird cat bird bird dog dog dog bird");
#[rustfmt::skip]
const COLUMN_8: Column = ("string", "cat bird cat dog bird cat cat bird dog bird cat cat bird dog dog bird bird dog cat dog dog bird cat dog cat cat bird cat dog bird dog dog dog dog bird bird dog dog cat cat cat cat cat bird bird bird dog bird cat dog cat cat dog cat bird bird bird cat dog bird");
#[rustfmt::skip]
const COLUMN_9: Column = ("int64", "22 61 31 57 46 47 56 26 28 38 18 69 75 50 37 32 47 71 54 64 54 31 69 64 63 49 28 46 63 46 80 48 34 65 37 43 19 29 65 73 23 28 23 71 45 34 70 45 23 42 21 64 71 18 79 23 52 55 57 31");
#[rustfmt::skip]
const COLUMN_10: Column = ("float64", "34.67 80.03 28.3 41.13 71.68 53.93 15.34 18.34 41.81 6.16 11.28 29.93 64.04 13.63 1.85 14.26 96.28 66.55 67.76 39.6 5.3 60.97 96.62 56.87 53.67 16.46 58.36 29.38 77.35 60.56 78.42 51.89 67.02 27.79 24.52 94.63 73.33 15.32 29.19 36.65 49.54 9.18 83.1 76.78 27.98 85.97 56.8 43.2 40.05 51.86 68.49 47.24 90.24 57.85 93.28 7.81 57.47 64.63 40.79 60.67");
#[rustfmt::skip]
const COLUMN_11: Column = ("float64", "28.48 47.83 18.77 26.2 82.34 39.99 24.6 -0.66 18.0 15.51 24.37 41.32 55.4 -3.17 -10.22 20.07 109.57 64.04 82.42 59.6 12.69 64.44 80.6 34.67 38.79 -10.55 66.34 10.66 66.83 49.28 98.02 48.8 91.8 30.05 30.39 93.96 69.84 14.82 17.5 44.81 61.52 20.12 83.56 86.96 25.15 114.8 49.28 41.35 50.01 56.23 79.56 51.18 86.64 64.22 94.87 23.92 66.99 76.42 68.44 54.62");
#[rustfmt::skip]
const COLUMN_12: Column = ("float64", "22.0 61.0 31.0 57.0 46.0 47.0 56.0 26.0 28.0 38.0 18.0 69.0 75.0 50.0 37.0 32.0 47.0 71.0 54.0 64.0 54.0 31.0 69.0 64.0 63.0 49.0 28.0 46.0 63.0 46.0 80.0 48.0 34.0 65.0 37.0 43.0 19.0 29.0 65.0 73.0 23.0 28.0 23.0 71.0 45.0 34.0 70.0 45.0 23.0 42.0 21.0 64.0 71.0 18.0 79.0 23.0 52.0 55.0 57.0 31.0");
#[rustfmt::skip]
const COLUMN_13: Column = ("int64", "0 1 1 1 1 0 1 1 0 1 1 0 0 1 0 1 1 1 1 0 1 0 1 1 0 1 1 0 1 0 1 0 0 1 1 1 1 1 0 1 0 1 0 0 1 0 1 1 1 1 1 0 0 1 1 1 1 1 0 1");
#[rustfmt::skip]
const COLUMN_14: Column = ("int64", "0 1 1 1 1 0 1 1 0 1");
#[rustfmt::skip]
const COLUMN_15: Column = ("int64", "0 1 1 0 1 1 0 0 1 1");
#[rustfmt::skip]
const COLUMN_16: Column = ("int64", "1 1 1 0 1 0 1 0 1 1");
#[rustfmt::skip]
const COLUMN_17: Column = ("int64", "0 1 1 0 1 0 1 1 0 0");
#[rustfmt::skip]
const COLUMN_18: Column = ("int64", "1 0 1 0 1 1 0 0 1 0");
#[rustfmt::skip]
const COLUMN_19: Column = ("int64", "1 0 0 0 1 1 1 0 0 0");
#[rustfmt::skip]
const COLUMN_20: Column = ("string", "a b a b a b a a");
#[rustfmt::skip]
const COLUMN_21: Column = ("string", "p n p p n n p n");
#[rustfmt::skip]
const COLUMN_22: Column = ("string", "p p n p n n p n");
#[rustfmt::skip]
const COLUMN_23: Column = ("string", "1 0 1 1 0 0 1 0");
#[rustfmt::skip]
const COLUMN_24: Column = ("string", "1 1 0 1 0 0 1 0");
#[rustfmt::skip]
const COLUMN_25: Column = ("bool", "false true true false true true false false true true false false false false true true true true false true false false true false false true false true false false false true false false false false true true false true false false false false true true false true true false true false false true false true true true false false");
#[rustfmt::skip]
const COLUMN_26: Column = ("bool", "true true true false true false true false true true false false false false true true true true false true false false true false false false true true true false false true false false true false true false false true false true true true true false false true true false true false true true false true true true false false");
#[rustfmt::skip]
const COLUMN_27: Column = ("string", "f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f f");
#[rustfmt::skip]
const COLUMN_28: Column = ("int64", "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0");
#[rustfmt::skip]
const COLUMN_29: Column = ("string", "d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a");
#[rustfmt::skip]
const COLUMN_30: Column = ("int64", "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0");
#[rustfmt::skip]
const COLUMN_31: Column = ("int64", "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 0 0 0 0 0 0 0 0 0 0");
#[rustfmt::skip]
const COLUMN_32: Column = ("int64", "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1");
#[rustfmt::skip]
const COLUMN_33: Column = ("int64", "1 1 1 1 1 1 1 1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0");
#[rustfmt::skip]
const COLUMN_34: Column = ("int64", "1 1 1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 1 1 1 1 1 1 1 1 1 0 0 0 0 0 0 0 0 0 0 1 1 1 1 1 0 0 0 0 0");
#[rustfmt::skip]
const COLUMN_35: Column = ("int64", "1 1 1 1 1 1 1 1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0");
#[rustfmt::skip]
const COLUMN_36: Column = ("string", "0 1 1 0 1 1 0 0 1 1 0 0 0 0 1 1 1 1 0 1 0 0 1 0 0 1 0 1 0 0 0 1 0 0 0 0 1 1 0 1 0 0 0 0 1 1 0 1 1 0 1 0 0 1 0 1 1 1 0 0");
#[rustfmt::skip]
const COLUMN_37: Column = ("string", "1 1 1 0 1 0 1 0 1 1 0 0 0 0 1 1 1 1 0 1 0 0 1 0 0 0 1 1 1 0 0 1 0 0 1 0 1 0 0 1 0 1 1 1 1 0 0 1 1 0 1 0 1 1 0 1 1 1 0 0");
