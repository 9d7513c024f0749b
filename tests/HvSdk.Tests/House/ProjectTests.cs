using System.Xml.Linq;

namespace HvSdk.Tests.House;

/// <summary>The arrows between projects (docs/architecture.md): one way, and nobody in src knows a backend.</summary>
public sealed class ProjectTests
{
    /// <summary>What a project of src may reference, beyond HvSdk itself.</summary>
    private static readonly (string Project, string MayReference)[] s_arrows =
    [
        ("HvSdk.Devices.Virtio.Linux", "HvSdk.Devices.Virtio"),
        ("HvSdk.VirtualMachines", "HvSdk.Boot"),
        ("HvSdk.VirtualMachines", "HvSdk.Devices."),
        ("HvSdk.Sandboxes", "HvSdk.VirtualMachines"),
        ("HvSdk.Sandboxes", "HvSdk.Boot"),
        ("HvSdk.Sandboxes", "HvSdk.Devices."),
        ("HvSdk.Backends.Whp", "HvSdk.Emulation.X64"),
        ("HvSdk.Backends.Kvm", "HvSdk.Emulation.X64"),
    ];

    private static readonly string[] s_projects = [.. Repository.Files("", "*.csproj")];

    public static TheoryData<string> SourceProjects => [.. s_projects.Where(static path => path.StartsWith("src/", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(SourceProjects))]
    public void SourceProject_References_FollowTheArrows(string path)
    {
        string project = Path.GetFileNameWithoutExtension(path);
        foreach (string reference in References(path))
        {
            bool allowed = project != "HvSdk"
                && (reference == "HvSdk" || s_arrows.Any(arrow => arrow.Project == project && reference.StartsWith(arrow.MayReference, StringComparison.Ordinal)));
            Assert.True(allowed, $"{project} references {reference}; see the arrows in {nameof(ProjectTests)}.");
        }
    }

    [Fact]
    public void SourceProjects_Core_IsFound() => Assert.Contains("src/HvSdk/HvSdk.csproj", s_projects);

    [Fact]
    public void Project_ThatKnowsABackend_IsASampleOrATest()
    {
        foreach (string path in s_projects.Where(static path => References(path).Any(static name => name.StartsWith("HvSdk.Backends.", StringComparison.Ordinal))))
        {
            Assert.Matches("^(samples|tests)/", path);
        }
    }

    [Fact]
    public void Core_Packages_AreTheAbstractionsAlone()
    {
        XElement core = XElement.Parse(Repository.Read("src/HvSdk/HvSdk.csproj"));
        Assert.All(
            core.Descendants("PackageReference"),
            static package => Assert.Contains(package.Attribute("Include")!.Value, (string[])
            [
                "Microsoft.Extensions.DependencyInjection.Abstractions", "Microsoft.Extensions.Logging.Abstractions", "System.IO.Pipelines",
            ]));
    }

    [Fact]
    public void Projects_Names_SayWhatTheyAre()
    {
        Assert.All(s_projects, static path => Assert.DoesNotMatch(@"\.(Common|Utils|Utilities|Base|Helpers|Shared)\.csproj$", path));
        Assert.All(s_projects, static path => Assert.Equal(Path.GetFileNameWithoutExtension(path), Path.GetFileName(Path.GetDirectoryName(path))));
    }

    [Fact]
    public void Projects_All_AreInTheSolution()
    {
        string solution = Repository.Read("HvSdk.sln").Replace('\\', '/');
        Assert.All(s_projects, path => Assert.Contains($"\"{path}\"", solution, StringComparison.Ordinal));
    }

    [Fact]
    public void Versions_OfPackages_AreCentral() =>
        Assert.All(s_projects, static path => Assert.DoesNotMatch("<PackageReference[^>]*Version=", Repository.Read(path)));

    private static IEnumerable<string> References(string path) =>
        from reference in XElement.Parse(Repository.Read(path)).Descendants("ProjectReference")
        select Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/'));
}
