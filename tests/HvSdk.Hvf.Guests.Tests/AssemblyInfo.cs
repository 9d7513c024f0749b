using HvSdk.Hvf.Guests.Tests;

[assembly: AssemblyFixture(typeof(StandInHost))]
[assembly: CollectionBehavior(DisableTestParallelization = true)] // one VM per process
