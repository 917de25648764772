//! Inputs named by address: an object or prefix in S3 is fetched to a scratch folder, a local path is used
//! as it is.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredential};
use object_store::path::Path as Key;
use object_store::{
    ClientConfigKey, ClientOptions, CredentialProvider, ObjectMeta, ObjectStore, ObjectStoreExt as _,
};
use plumbline_common::contract::{Tree, variables};
use plumbline_common::stop::Stop;
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, addresses, codes};

use crate::aws::given;
use crate::aws::http::{Http, causes, way_out};
use crate::aws::identity::Identity;
use crate::aws::{runtime, unless_stopped};

/// A local path for an address: `s3://bucket/key` is downloaded below `scratch`, everything else is a path.
///
/// A key that is no object stands for all objects below it. Empty ones are left out, as empty files are: some are the folders
/// that the console of S3 makes. `what` names the input to people. Credentials and, without `region`, the region come from
/// the SDK's standard chain.
///
/// # Errors
/// `OBJECT_UNREADABLE` when nothing is there, it may not be read or it changes; `SETTING_INVALID`, `AWS_IDENTITY`,
/// `NO_CERTIFICATES`; a file that cannot be written; `STOPPED`.
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
    if bucket.is_empty() || !bucket.bytes().all(given::is_of_name) {
        return Err(Problem::new(&codes::OBJECT_UNREADABLE, format!("cannot fetch the {what} input"))
            .file(address)
            .found(format!("the bucket `{}`", addresses::shown(bucket).escape_debug()))
            .expected("`s3://BUCKET/KEY` without a login, where a bucket has letters, digits and `.-_`"));
    }
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
        objects.retain(|object| object.size > 0);
        let failed = |error| Problem::io("write the fetched input", &folder, error);
        fs::create_dir_all(&folder).map_err(failed)?;
        for (object, place) in objects.iter().zip(places(&prefix, &objects)) {
            let path = folder.join(place);
            let bytes = download(store.as_ref(), &object.location, &path, stop).await;
            let bytes = bytes.map_err(|failed| match failed {
                Failed::Store(error) => unreadable(error),
                Failed::File(problem) => problem,
            })?;
            if bytes != object.size {
                return Err(changed(bucket, object, bytes));
            }
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
    let mut builder = AmazonS3Builder::new();
    for (name, value) in variables("AWS_") {
        match name.to_ascii_lowercase().parse() {
            Ok(AmazonS3ConfigKey::S3Endpoint | AmazonS3ConfigKey::Endpoint) | Err(_) => {}
            Ok(key) => builder = builder.with_config(key, value),
        }
    }
    builder = builder.with_bucket_name(bucket);
    if let Some(region) = identity.region() {
        builder = builder.with_region(region);
    }
    let region = builder.get_config_value(&AmazonS3ConfigKey::Region).unwrap_or_default();
    let endpoint = given::endpoint("S3", identity.config())?
        // The one partition whose domain differs.
        .or_else(|| region.starts_with("cn-").then(|| format!("https://s3.{region}.amazonaws.com.cn")));
    if let Some(endpoint) = &endpoint {
        builder = builder.with_endpoint(endpoint);
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

/// Where objects go: in S3 one may have the name of a folder of others, and then lies in this folder.
fn places(prefix: &Key, objects: &[ObjectMeta]) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = objects.iter().map(|object| below(prefix, &object.location)).collect();
    let folders: HashSet<PathBuf> =
        places.iter().flat_map(|place| place.ancestors().skip(1)).map(Path::to_path_buf).collect();
    let mut taken: HashSet<PathBuf> = places.iter().cloned().collect();
    for place in places.iter_mut().filter(|place| folders.contains(*place)) {
        let mut name = place.file_name().unwrap_or_default().to_os_string();
        let folder = place.clone();
        loop {
            *place = folder.join(&name);
            if !folders.contains(place) && taken.insert(place.clone()) {
                break;
            }
            // Its ending still says what it holds.
            let mut longer = OsString::from("+");
            longer.push(&name);
            name = longer;
        }
    }
    places
}

enum Failed {
    Store(object_store::Error),
    File(Problem),
}

/// Gives the number of bytes.
async fn download(
    store: &dyn ObjectStore,
    location: &Key,
    path: &Path,
    stop: &Stop,
) -> std::result::Result<u64, Failed> {
    let file_failed = |error| Failed::File(Problem::io("write the fetched input", path, error));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(file_failed)?;
    }
    let mut file = File::create(path).map_err(file_failed)?;
    let mut bytes = store.get(location).await.map_err(Failed::Store)?.into_stream();
    let mut written = 0;
    while let Some(chunk) = bytes.next().await {
        stop.check().map_err(Failed::File)?;
        let chunk = chunk.map_err(Failed::Store)?;
        file.write_all(&chunk).map_err(file_failed)?;
        written += chunk.len() as u64;
    }
    Ok(written)
}

fn changed(bucket: &str, object: &ObjectMeta, bytes: u64) -> Problem {
    Problem::new(&codes::OBJECT_UNREADABLE, "an object has changed since it was listed")
        .file(format!("s3://{bucket}/{}", object.location))
        .found(counted(bytes, "byte"))
        .expected(object.size.to_string())
        .hint("start the job when nobody writes its input")
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

    #[test]
    fn an_object_with_the_name_of_a_folder_lies_in_the_folder() {
        let check = |keys: &[&str], expected: &[&str]| {
            let object = |key: &&str| ObjectMeta {
                location: Key::from(*key),
                last_modified: Default::default(),
                size: 1,
                e_tag: None,
                version: None,
            };
            let objects: Vec<_> = keys.iter().map(object).collect();
            assert_eq!(
                places(&Key::from("d"), &objects),
                expected.iter().map(PathBuf::from).collect::<Vec<_>>()
            );
        };
        check(&["d/a.csv", "d/s/b.csv"], &["a.csv", "s/b.csv"]);
        check(&["d/a.gz", "d/a.gz/b.csv"], &["a.gz/a.gz", "a.gz/b.csv"]);
        check(&["d/a", "d/a/a", "d/a/b"], &["a/+a", "a/a", "a/b"]);
        check(&["d/a", "d/a/a", "d/a/a/a", "d/a/+a"], &["a/++a", "a/a/+a", "a/a/a", "a/+a"]);
    }
}
