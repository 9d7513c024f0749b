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

        // Nothing else: no runtimes folder, no native library, no build logic that runs in the user's build.
        Assert.Equal([$"{id}.nuspec", "README.md", $"lib/net10.0/{id}.dll", $"lib/net10.0/{id}.xml"], files);
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
