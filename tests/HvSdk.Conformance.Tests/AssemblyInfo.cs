using HvSdk.Live;

[assembly: TestFramework(typeof(ArchitectureTestFramework))]
