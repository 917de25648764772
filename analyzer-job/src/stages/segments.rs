//! The groups within segments, of which there may be hundreds of thousands: the metrics of a group are worked out when the report
//! shows it and when `bias_details.json` is written, and never kept for all.

use serde::ser::{Serialize, Serializer};

use crate::bias;
use crate::bias::roles::SegmentCounts;
use crate::config::Methods;
use crate::results::details::{BiasDetails, FacetDetails, MetricDetails, SegmentDetails};
use crate::state::counts::FacetCounts;

/// What the metrics within segments follow from.
pub(crate) struct Counts<'a> {
    /// One for each of the details' segments, with the same facets.
    pub(crate) segments: Vec<SegmentCounts>,
    pub(crate) methods: &'a Methods,
}

impl Counts<'_> {
    /// Gives the groups at some positions, of segment and facet, their metrics.
    pub(crate) fn fill(&self, segments: &mut [SegmentDetails], places: &[(usize, usize)]) {
        for &(segment, facet) in places {
            let counts = &self.segments[segment].counts.facets[facet];
            segments[segment].facets[facet].metrics = self.metrics(counts);
        }
    }

    /// A group without rows in a segment has no metrics there.
    fn metrics(&self, facet: &FacetCounts) -> Vec<MetricDetails> {
        if facet.total.d.n() == 0 { Vec::new() } else { bias::metric_details(facet, None, self.methods) }
    }
}

/// The content of `bias_details.json`: `BiasDetails` whose segments, `details` having none, are complete.
#[derive(serde::Serialize)]
pub(crate) struct Complete<'a> {
    #[serde(flatten)]
    details: &'a BiasDetails,
    #[serde(skip_serializing_if = "Option::is_none")]
    segments: Option<Segments<'a>>,
}

impl<'a> Complete<'a> {
    pub(crate) fn new(
        details: &'a BiasDetails,
        segments: &'a [SegmentDetails],
        counts: &'a Counts<'a>,
    ) -> Self {
        Complete { details, segments: (!segments.is_empty()).then_some(Segments { segments, counts }) }
    }
}

struct Segments<'a> {
    segments: &'a [SegmentDetails],
    counts: &'a Counts<'a>,
}

impl Serialize for Segments<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.segments.iter().zip(&self.counts.segments).map(|(segment, own)| {
            Segment {
                segmentation: &segment.segmentation,
                segment: &segment.segment,
                rows: segment.rows,
                facets: Facets { facets: &segment.facets, own, counts: self.counts },
            }
        }))
    }
}

/// As `SegmentDetails` is written.
#[derive(serde::Serialize)]
struct Segment<'a> {
    segmentation: &'a str,
    segment: &'a str,
    rows: u64,
    facets: Facets<'a>,
}

struct Facets<'a> {
    facets: &'a [FacetDetails],
    own: &'a SegmentCounts,
    counts: &'a Counts<'a>,
}

impl Serialize for Facets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let groups = self.facets.iter().zip(&self.own.counts.facets);
        serializer.collect_seq(
            groups.map(|(facet, own)| FacetDetails { metrics: self.counts.metrics(own), ..facet.clone() }),
        )
    }
}
