//! Inputs named by address: an object or prefix in S3 is fetched to a scratch folder, a local path is used
//! as it is.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredential};
use object_store::path::Path as Key;
use object_store::{ClientConfigKey, ClientOptions, CredentialProvider, ObjectStore, ObjectStoreExt as _};
use plumbline_common::contract::Tree;
use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result, codes};

use crate::aws::http::{Http, causes, way_out};
use crate::aws::identity::Identity;
use crate::aws::{runtime, unless_stopped};

/// A local path for an address: `s3://bucket/key` is downloaded below `scratch`, everything else is a path.
///
/// A key that is no object stands for all objects below it. `what` names the input to people. Credentials and,
/// without `region`, the region come from the SDK's standard chain.
///
/// # Errors
/// `OBJECT_UNREADABLE` when nothing is there or it may not be read; `AWS_IDENTITY`, `NO_CERTIFICATES`; a file
/// that cannot be written; `STOPPED`.
pub fn fetch(
    address: &str,
    what: &str,
    scratch: &Path,
    region: Option<&str>,
    tree: &Tree,
    stop: &Stop,
) -> Result<PathBuf> {
    let Some(rest) = address.strip_prefix("s3://") else {
        return Ok(tree.resolve(address.strip_prefix("file://").unwrap_or(address)));
    };
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    let unreadable = |error: object_store::Error| unreadable(address, what, &error);
    let runtime = runtime()?;
    let store = runtime.block_on(unless_stopped(stop, store(bucket, region)))??;
    let folder = scratch.join(what.replace(['/', ' '], "-"));
    let fetching = async {
        let prefix = Key::parse(key.trim_end_matches('/'))
            .map_err(|error| unreadable(object_store::Error::InvalidPath { source: error }))?;
        let mut objects = Vec::new();
        if !key.is_empty() && !key.ends_with('/') {
            match store.head(&prefix).await {
                Ok(object) => objects.push(object),
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(unreadable(error)),
            }
        }
        if objects.is_empty() {
            let mut listed = store.list(Some(&prefix));
            while let Some(object) = listed.next().await {
                stop.check()?;
                objects.push(object.map_err(unreadable)?);
            }
        }
        if objects.is_empty() {
            return Err(not_there(address, what));
        }
        // Objects are written one after the other: memory stays small and the network is the limit.
        for object in objects {
            let path = folder.join(below(&prefix, &object.location));
            download(store.as_ref(), &object.location, &path, stop).await.map_err(|failed| match failed {
                Failed::Store(error) => unreadable(error),
                Failed::File(problem) => problem,
            })?;
        }
        Ok(())
    };
    // Also while nothing comes.
    runtime.block_on(unless_stopped(stop, fetching))??;
    Ok(folder)
}

async fn store(bucket: &str, region: Option<&str>) -> Result<Arc<dyn ObjectStore>> {
    let http = Http::new()?;
    let identity = Identity::load(region, &http).await?;
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
    if let Some(region) = identity.region() {
        builder = builder.with_region(region);
    }
    let region = builder.get_config_value(&AmazonS3ConfigKey::Region).unwrap_or_default();
    let known = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint];
    let mut endpoint = known.iter().find_map(|key| builder.get_config_value(key));
    if endpoint.is_none() {
        endpoint = match identity.config().endpoint_url() {
            Some(profile) => Some(profile.to_string()),
            // The one partition whose domain differs.
            None => region.starts_with("cn-").then(|| format!("https://s3.{region}.amazonaws.com.cn")),
        };
        if let Some(endpoint) = &endpoint {
            builder = builder.with_endpoint(endpoint);
        }
    }
    let mut options = ClientOptions::new();
    if endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://")) {
        options = options.with_allow_http(true).with_config(ClientConfigKey::NoSystemCertificates, "true");
    } else {
        http.check(endpoint.as_deref().unwrap_or("https://s3.amazonaws.com"))?;
    }
    if builder.get_config_value(&AmazonS3ConfigKey::SkipSignature).as_deref() != Some("true") {
        // Asked for now, so that their absence is told as what it is.
        identity.credentials().await?;
        builder = builder.with_credentials(Arc::new(Chain(identity)));
    }
    let store = builder.with_client_options(options).build();
    store.map(|store| Arc::new(store) as Arc<dyn ObjectStore>).map_err(|error| {
        Problem::new(&codes::OBJECT_UNREADABLE, "cannot use the settings for S3").found(causes(&error))
    })
}

/// The standard chain, as the store asks for credentials.
#[derive(Debug)]
struct Chain(Identity);

impl CredentialProvider for Chain {
    type Credential = AwsCredential;

    fn get_credential<'a, 'future>(&'a self) -> BoxFuture<'future, object_store::Result<Arc<AwsCredential>>>
    where
        'a: 'future,
        Self: 'future,
    {
        Box::pin(async {
            let found = self
                .0
                .credentials()
                .await
                .map_err(|problem| object_store::Error::Generic { store: "S3", source: Box::new(problem) })?;
            Ok(Arc::new(AwsCredential {
                key_id: found.access_key_id().into(),
                secret_key: found.secret_access_key().into(),
                token: found.session_token().map(Into::into),
            }))
        })
    }
}

/// Where an object goes below the scratch folder: its key after the prefix, or its name.
fn below(prefix: &Key, location: &Key) -> PathBuf {
    let rest = location.as_ref().strip_prefix(prefix.as_ref()).unwrap_or(location.as_ref());
    let rest = if rest.is_empty() { location.filename().unwrap_or("object") } else { rest };
    // Only plain names: a key must not lead out of the folder.
    Path::new(rest).components().filter(|part| matches!(part, Component::Normal(_))).collect()
}

enum Failed {
    Store(object_store::Error),
    File(Problem),
}

async fn download(
    store: &dyn ObjectStore,
    location: &Key,
    path: &Path,
    stop: &Stop,
) -> std::result::Result<(), Failed> {
    let file_failed = |error| Failed::File(Problem::io("write the fetched input", path, error));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(file_failed)?;
    }
    let mut file = File::create(path).map_err(file_failed)?;
    let mut bytes = store.get(location).await.map_err(Failed::Store)?.into_stream();
    while let Some(chunk) = bytes.next().await {
        stop.check().map_err(Failed::File)?;
        file.write_all(&chunk.map_err(Failed::Store)?).map_err(file_failed)?;
    }
    Ok(())
}

fn not_there(address: &str, what: &str) -> Problem {
    Problem::new(&codes::OBJECT_UNREADABLE, format!("cannot fetch the {what} input: nothing is there"))
        .file(address)
        .expected("an object, or a prefix with objects below it")
}

fn unreadable(address: &str, what: &str, error: &object_store::Error) -> Problem {
    let found = causes(error);
    let hint = way_out(&found);
    let problem = Problem::new(&codes::OBJECT_UNREADABLE, format!("cannot fetch the {what} input"))
        .file(address)
        .found(found);
    if let Some(hint) = hint {
        return problem.hint(hint);
    }
    match error {
        object_store::Error::NotFound { .. } => problem.hint("check bucket and key"),
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
            problem.hint("the job's role needs s3:GetObject and s3:ListBucket for this bucket")
        }
        _ => problem.hint("check the region, the network and the job's role"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetched(address: &str) -> Result<PathBuf> {
        let tree = Tree::at("/base");
        fetch(address, "facets", Path::new("/scratch"), None, &tree, &Stop::default())
    }

    #[test]
    fn local_paths_are_used_as_they_are() {
        assert_eq!(fetched("/data/a.csv").unwrap(), Path::new("/data/a.csv"));
        assert_eq!(fetched("file:///data/a.csv").unwrap(), Path::new("/data/a.csv"));
        assert_eq!(fetched("/opt/ml/processing/x").unwrap(), Path::new("/base/processing/x"));
    }

    #[test]
    fn keys_become_paths_below_the_folder() {
        let check = |prefix: &str, key: &str, expected: &str| {
            assert_eq!(below(&Key::from(prefix), &Key::from(key)), Path::new(expected));
        };
        check("facets", "facets/a/b.csv", "a/b.csv");
        check("facets/x.csv", "facets/x.csv", "x.csv");
        check("", "a/b.csv", "a/b.csv");
    }
}
