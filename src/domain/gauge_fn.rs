//! A gauge whose value is read when somebody asks for it.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::gauge::ConstGauge,
    registry::Registry,
};

/// A gauge whose value is kept elsewhere, or changes by itself. To read it must be quick: it is read
/// whenever the metrics are collected.
pub struct GaugeFn {
    name: &'static str,
    help: &'static str,
    read: Box<dyn Fn() -> f64 + Send + Sync>,
}

impl GaugeFn {
    /// Adds a gauge to a registry, whose value `read` returns.
    pub fn register(
        registry: &mut Registry,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        let read = Box::new(read);
        registry.register_collector(Box::new(Self { name, help, read }));
    }
}

impl Collector for GaugeFn {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let gauge = ConstGauge::new((self.read)());
        let (name, help) = (self.name, format!("{}.", self.help));
        gauge.encode(encoder.encode_descriptor(name, &help, None, gauge.metric_type())?)
    }
}

impl fmt::Debug for GaugeFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GaugeFn").field(&self.name).finish()
    }
}
