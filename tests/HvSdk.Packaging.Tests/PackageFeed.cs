using System.Runtime.CompilerServices;
using HvSdk.Live;

namespace HvSdk.Packaging.Tests;

/// <summary>All packages of this repository, packed once into a feed in a temporary folder.</summary>
public sealed class PackageFeed : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hvsdk-packaging-");

    /// <summary>The repository that the tests were built from.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>Where the packages are.</summary>
    public string Folder => Path.Combine(_folder.FullName, "feed");

    /// <summary>The version they all have.</summary>
    public string Version { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        // With artifacts of its own: a build of the working tree is not disturbed, and nothing stale gets in.
        CommandResult pack = await DotnetCommand.RunAsync(
            Repository, new Dictionary<string, string>(), "pack", "HvSdk.sln", "-c", "Release", "-o", Folder, "--artifacts-path", Path.Combine(_folder.FullName, "artifacts"));
        Assert.True(pack.ExitCode == 0, pack.ToString());
        Assert.DoesNotContain("warning", pack.Output, StringComparison.OrdinalIgnoreCase);

        const string Prefix = "HvSdk.Testing.";
        string[] packages = Directory.GetFiles(Folder, $"{Prefix}*.nupkg");
        Version = Path.GetFileNameWithoutExtension(Assert.Single(packages))[Prefix.Length..];
    }

    /// <summary>A new folder, outside the repository, that goes when the tests end.</summary>
    public string CreateFolder([CallerMemberName] string name = "") => _folder.CreateSubdirectory(name).FullName;

    public ValueTask DisposeAsync()
    {
        _folder.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    private static string FindRepository()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "HvSdk.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"There is no HvSdk.sln above {AppContext.BaseDirectory}. These tests pack the sources that they were built from: run them where they were built.");
    }
}
