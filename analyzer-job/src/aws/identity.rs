//! Who the program is to AWS: region and credentials by the SDK's standard chain. Everything that
//! speaks to AWS asks here, so that a profile or a role means the same to every service.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};
use plumbline_common::{Problem, Result, codes};

use super::given;
use super::http::{Http, causes, way_out};

/// Credentials are asked for again so long before they expire.
const MARGIN: Duration = Duration::from_secs(300);

#[derive(Debug)]
pub(crate) struct Identity {
    config: SdkConfig,
    held: Mutex<Option<Credentials>>,
}

impl Identity {
    /// Region: the given one, else that of environment, profile or instance. Credentials: environment,
    /// profile (SSO and processes included), web identity, the container's role, the instance.
    ///
    /// # Errors
    /// `SETTING_INVALID` for a region that cannot be used, `INTERNAL` when connections cannot be prepared.
    pub(crate) async fn load(region: Option<&str>, http: &Http) -> Result<Identity> {
        // An empty store, where the machine has no certificates: `http://` addresses still work.
        let trust = if http.is_secure() { TrustStore::default() } else { TrustStore::empty() };
        let context = TlsContext::builder().with_trust_store(trust).build().map_err(|error| {
            Problem::new(&codes::INTERNAL, "cannot prepare connections").found(causes(&error))
        })?;
        let client = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .tls_context(context)
            .build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(client);
        if let Some(region) = region {
            loader = loader.region(Region::new(region.to_string()));
        }
        let identity = Identity::of(loader.load().await);
        given::check_region(identity.region().unwrap_or_default())?;
        Ok(identity)
    }

    pub(crate) fn of(config: SdkConfig) -> Identity {
        Identity { config, held: Mutex::new(None) }
    }

    /// What the generated clients are made from.
    pub(crate) fn config(&self) -> &SdkConfig {
        &self.config
    }

    pub(crate) fn region(&self) -> Option<&str> {
        self.config.region().map(AsRef::as_ref).filter(|region: &&str| !region.is_empty())
    }

    /// # Errors
    /// `AWS_IDENTITY`.
    pub(crate) async fn credentials(&self) -> Result<Credentials> {
        if let Some(held) = self.held() {
            return Ok(held);
        }
        let problem = || Problem::new(&codes::AWS_IDENTITY, "cannot get AWS credentials");
        let usual = "a processing job has those of its role; elsewhere set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE";
        let provider = self.config.credentials_provider().ok_or_else(|| problem().hint(usual))?;
        let found = provider.provide_credentials().await.map_err(|error| {
            // Behind it stands what the `credential_process` of a profile wrote.
            let why = causes(&error).split(". Stderr: ").next().unwrap_or_default().to_string();
            let hint = way_out(&why).unwrap_or(usual);
            problem().found(why).hint(hint)
        })?;
        given::check_credentials(&found)?;
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(found.clone());
        Ok(found)
    }

    fn held(&self) -> Option<Credentials> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let lasting =
            |found: &&Credentials| found.expiry().is_none_or(|expiry| expiry > SystemTime::now() + MARGIN);
        held.as_ref().filter(lasting).cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_credential_types::provider::future::ProvideCredentials as Provided;
    use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};

    use super::*;

    #[derive(Debug)]
    struct Counting {
        asked: Arc<AtomicUsize>,
        lasting: Duration,
    }

    impl ProvideCredentials for Counting {
        fn provide_credentials<'a>(&'a self) -> Provided<'a>
        where
            Self: 'a,
        {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let expiry = SystemTime::now() + self.lasting;
            Provided::ready(Ok(Credentials::new("key", "secret", None, Some(expiry), "tests")))
        }
    }

    #[track_caller]
    fn check(lasting_secs: u64, expected: usize) {
        let asked = Arc::new(AtomicUsize::new(0));
        let provider = Counting { asked: Arc::clone(&asked), lasting: Duration::from_secs(lasting_secs) };
        let config =
            SdkConfig::builder().credentials_provider(SharedCredentialsProvider::new(provider)).build();
        let identity = Identity::of(config);
        let runtime = super::super::runtime().unwrap();
        for _ in 0..3 {
            runtime.block_on(identity.credentials()).unwrap();
        }
        assert_eq!(asked.load(Ordering::Relaxed), expected);
    }

    #[test]
    fn credentials_are_asked_for_again_only_when_they_are_about_to_expire() {
        check(3600, 1);
        check(60, 3);
    }
}
