using System.IO.Compression;
using System.Xml.Linq;
using HvSdk.Live;

namespace HvSdk.Packaging.Tests;

public sealed class PackageTests(PackageFeed feed) : IClassFixture<PackageFeed>
{
    private static readonly string[] s_packages =
    [
        "HvSdk", "HvSdk.Backends.Hvf", "HvSdk.Backends.Kvm", "HvSdk.Backends.Whp", "HvSdk.Boot", "HvSdk.Devices.Emulated", "HvSdk.Devices.Virtio",
        "HvSdk.Devices.Virtio.Linux", "HvSdk.Emulation.X64", "HvSdk.Testing", "HvSdk.VirtualMachines",
    ];

    private const string Hvf = "HvSdk.Backends.Hvf";

    public static TheoryData<string> Packages => [.. s_packages];

    [Fact]
    public void Pack_Solution_MakesThePackagesAndTheirSymbols()
    {
        string[] expected = [.. s_packages.SelectMany(id => new[] { $"{id}.{feed.Version}.nupkg", $"{id}.{feed.Version}.snupkg" }).Order(StringComparer.Ordinal)];

        Assert.Equal(expected, Directory.GetFiles(feed.Folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Packages))]
    public void Package_Content_IsManagedAndDocumented(string id)
    {
        using ZipArchive package = Open(id, "nupkg");
        string[] files = [.. package.Entries.Select(entry => entry.FullName).Where(IsContent).Order(StringComparer.Ordinal)];

        // Nothing else: no runtimes folder, no native library; and of build logic only what signs an application for macOS.
        string[] signing = id == Hvf ? [$"buildTransitive/{id}.targets", "buildTransitive/hypervisor.entitlements"] : [];
        Assert.Equal([$"{id}.nuspec", "README.md", .. signing, $"lib/net10.0/{id}.dll", $"lib/net10.0/{id}.xml"], files);
    }

    [Theory]
    [MemberData(nameof(Packages))]
    public void Package_Manifest_NamesLicenseReadmeAndRepository(string id)
    {
        using ZipArchive package = Open(id, "nupkg");
        using Stream stream = package.GetEntry($"{id}.nuspec")!.Open();
        XElement metadata = XDocument.Load(stream).Root!.Elements().Single();
        string? Value(string name) => metadata.Elements().SingleOrDefault(element => element.Name.LocalName == name)?.Value;

        Assert.Equal("MIT", Value("license"));
        Assert.Equal("README.md", Value("readme"));
        Assert.False(string.IsNullOrWhiteSpace(Value("description")));
        Assert.False(string.IsNullOrWhiteSpace(Value("projectUrl")));
    }

    [Theory]
    [MemberData(nameof(Packages))]
    public void SymbolPackage_Content_HoldsThePdb(string id)
    {
        using ZipArchive package = Open(id, "snupkg");

        Assert.NotNull(package.GetEntry($"lib/net10.0/{id}.pdb"));
    }

    [Fact]
    public async Task Packages_UsedByAProjectElsewhere_RunAGuest() =>
        HelloGuest.AssertRan(await BuildAndRunAsync(feed.CreateFolder(), await File.ReadAllTextAsync(HelloGuest.Source)), "Hello from a guest!");

    [Fact]
    public async Task Packages_UsedByAProjectElsewhere_RunAMachine()
    {
        const string Program = """
            using HvSdk;
            using HvSdk.Backends.Kvm;
            using HvSdk.Boot;
            using HvSdk.Devices.Emulated;
            using HvSdk.VirtualMachines;

            if (Hypervisor.Probe(KvmBackend.Instance) is { IsAvailable: false } probe)
            {
                Console.Error.WriteLine(probe);
                return 1;
            }

            // mov al, '!'; out 0xE9, al; mov al, 20; out 0xF4, al
            byte[] kernel = [0xB0, 0x21, 0xE6, 0xE9, 0xB0, 0x14, 0xE6, 0xF4];
            using Hypervisor hypervisor = Hypervisor.Open(KvmBackend.Instance);
            var console = new DebugConsole();
            await using VirtualMachine machine = VirtualMachine.CreateBuilder(hypervisor)
                .WithMemory(2 << 20)
                .Boot(() => FlatImage.Read(BootFile.FromMemory(kernel), new FlatImageOptions { Mode = FlatImageMode.Real, LoadAddress = 0x7C00 }))
                .AddDevice(console)
                .AddDevice(new DebugExit())
                .Build();
            await machine.StartAsync();
            MachineEnd end = await machine.WaitForExitAsync();
            using var reader = new StreamReader(console.Output.AsStream());
            Console.WriteLine($"The machine said {await reader.ReadToEndAsync()} and ended with {end.ExitCode}.");
            return 0;
            """;

        HelloGuest.AssertRan(await BuildAndRunAsync(feed.CreateFolder(), Program), "The machine said ! and ended with 41.");
    }

    [Fact]
    public async Task ReadmeOfVirtualMachines_Sample_Compiles()
    {
        string readme = await File.ReadAllTextAsync(Path.Combine(PackageFeed.Repository, "src", "HvSdk.VirtualMachines", "README.md"));

        await BuildAsync(feed.CreateFolder(), readme.Split("```csharp")[1].Split("```")[0]); // it boots a kernel that is not here
    }

    [Fact]
    public async Task Readme_Sample_CompilesAndDoesWhatItSays()
    {
        string readme = await File.ReadAllTextAsync(Path.Combine(PackageFeed.Repository, "README.md"));
        string sample = readme.Split("```csharp")[1].Split("```")[0];

        HelloGuest.RequireHypervisor();
        CommandResult run = await BuildAndRunAsync(feed.CreateFolder(), sample);

        HelloGuest.AssertRan(run, "The guest wrote 42 to port 0xE9.");
    }

    /// <summary>An application that uses the HVF backend is signed after its publish, where it is for macOS and something can sign it, and nowhere else.</summary>
    [Fact]
    public async Task ApplicationWithHvf_Published_IsSignedForMacOsAlone()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "A script of the shell stands for codesign.");
        string folder = feed.CreateFolder();
        string calls = Path.Combine(folder, "calls");
        string codesign = Path.Combine(folder, "codesign");
        await File.WriteAllTextAsync(codesign, $"#!/bin/sh\nprintf '%s\\n' \"$@\" >>'{calls}'\n", TestContext.Current.CancellationToken);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(codesign, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }

        ScratchProject.Write(folder, feed.Folder, feed.Version, "System.Console.WriteLine();");
        string packages = Path.Combine(folder, "packages");
        var variables = new Dictionary<string, string> { ["NUGET_PACKAGES"] = packages, ["PATH"] = $"{folder}:{Environment.GetEnvironmentVariable("PATH")}" };

        CommandResult publish = await DotnetCommand.RunAsync(folder, variables, "publish", "-c", "Release", "-o", "out");
        Assert.True(publish.ExitCode == 0, publish.ToString());
        Assert.False(File.Exists(calls), "Linux' own publish signs nothing.");
        Task<CommandResult> SignAsync(params string[] properties) => DotnetCommand.RunAsync(
            folder, variables, ["msbuild", "-t:HvSdkSignForHypervisor", "-p:Configuration=Release", "-p:PublishDir=out/", "-p:RuntimeIdentifier=osx-arm64", .. properties]);

        CommandResult none = await SignAsync();
        CommandResult off = await SignAsync($"-p:HvSdkCodesign={codesign}", "-p:HvSdkSignApplication=false");
        Assert.Equal((0, 0), (none.ExitCode, off.ExitCode));
        Assert.False(File.Exists(calls), "Nothing that signs, or switched off.");

        CommandResult sign = await SignAsync($"-p:HvSdkCodesign={codesign}");
        Assert.True(sign.ExitCode == 0, sign.ToString());
        string entitlements = Path.Combine(packages, Hvf.ToLowerInvariant(), feed.Version.ToLowerInvariant(), "buildTransitive", "hypervisor.entitlements");
        Assert.Equal(
            ["--force", "--sign", "-", "--entitlements", entitlements, "out/Scratch"], await File.ReadAllLinesAsync(calls, TestContext.Current.CancellationToken));
        XElement[] keys = [.. XDocument.Load(entitlements).Descendants("key")];
        Assert.Contains(keys, static key => key.Value == "com.apple.security.hypervisor" && key.ElementsAfterSelf().First().Name == "true");
    }

    private async Task<CommandResult> BuildAndRunAsync(string folder, string program)
    {
        await BuildAsync(folder, program);
        return await DotnetCommand.RunAsync(folder, new Dictionary<string, string>(), Path.Combine("out", "Scratch.dll"));
    }

    private async Task BuildAsync(string folder, string program)
    {
        ScratchProject.Write(folder, feed.Folder, feed.Version, program);
        // A package folder of its own: a package of this version that was restored before must not stand in for this one.
        var variables = new Dictionary<string, string> { ["NUGET_PACKAGES"] = Path.Combine(folder, "packages") };

        CommandResult build = await DotnetCommand.RunAsync(folder, variables, "build", "-c", "Release", "-o", "out");
        Assert.True(build.ExitCode == 0, build.ToString());
    }

    private ZipArchive Open(string id, string extension) => ZipFile.OpenRead(Path.Combine(feed.Folder, $"{id}.{feed.Version}.{extension}"));

    private static bool IsContent(string path) =>
        !path.StartsWith("_rels/", StringComparison.Ordinal) && !path.StartsWith("package/", StringComparison.Ordinal) && path != "[Content_Types].xml";
}
