//! The path of each product's callbacks.

use super::{
    metrics::{ProductMetrics, WebhookMetrics},
    refusal_log::RefusalLog,
    undecodables::Undecodables,
};
use crate::{
    domain::AppName,
    net::Throttle,
    providers::{Account, Accounts, Product, Registry},
};

/// One product of a vendor, and the accounts whose callbacks are taken.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) product: &'static Product,
    pub(super) accounts: Accounts,
    pub(super) metrics: ProductMetrics,
    pub(super) refusal_log: RefusalLog,
    pub(super) undecodables: Undecodables,
    pub(super) undecodable_log: Throttle,
    pub(super) untimely_log: Throttle,
}

/// A route for each product.
#[derive(Debug)]
pub(super) struct Routes(Vec<Route>);

impl Routes {
    pub(super) fn new(
        registry: Registry,
        accounts: &[(AppName, Account)],
        undecodable_bytes_max: u64,
        metrics: &WebhookMetrics,
    ) -> Self {
        let routes = registry.products().map(|(vendor, product)| Route {
            product,
            accounts: Accounts::of(
                vendor.name,
                accounts.iter().map(|(app, account)| (app, account)),
            ),
            metrics: metrics.product(product.name),
            refusal_log: RefusalLog::default(),
            undecodables: Undecodables::new(undecodable_bytes_max),
            undecodable_log: Throttle::default(),
            untimely_log: Throttle::default(),
        });
        Self(routes.collect())
    }

    /// The route of a path.
    pub(super) fn at(&self, path: &str) -> Option<&Route> {
        // There are few routes, so a search is faster than a map.
        self.0.iter().find(|route| route.product.path == path)
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::registry::Registry as Metrics;

    use super::*;

    #[test]
    fn every_product_is_reached_at_its_path() {
        let metrics = WebhookMetrics::register(&mut Metrics::default());
        let routes = Routes::new(Registry::standard(), &[], 0, &metrics);
        for (_, product) in Registry::standard().products() {
            assert_eq!(routes.at(product.path).unwrap().product.name, product.name);
        }
        assert!(routes.at("/webhooks").is_none());
    }
}
