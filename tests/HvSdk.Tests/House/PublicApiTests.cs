using System.Reflection;

namespace HvSdk.Tests.House;

/// <summary>The public API of each package is what src/PACKAGE/PublicApi.txt says; HVSDK_UPDATE=1 writes the file anew.</summary>
public sealed class PublicApiTests
{
    public static TheoryData<string> Packages =>
    [
        .. Repository.Files("src", "*.csproj").Select(static path => Path.GetFileNameWithoutExtension(path)),
    ];

    [Theory]
    [MemberData(nameof(Packages))]
    public void Package_PublicApi_IsWhatItsFileSays(string package)
    {
        string path = Path.Combine(Repository.Root, "src", package, "PublicApi.txt");
        string actual = ApiText.Of(Load(package));
        if (Environment.GetEnvironmentVariable("HVSDK_UPDATE") == "1")
        {
            File.WriteAllText(path, actual);
        }

        string expected = File.Exists(path) ? File.ReadAllText(path) : "";
        string[] added = [.. actual.Split('\n').Except(expected.Split('\n')).Select(static line => $"+ {line}")];
        string[] removed = [.. expected.Split('\n').Except(actual.Split('\n')).Select(static line => $"- {line}")];
        Assert.True(
            expected == actual,
            $"The public API of {package} is not what src/{package}/PublicApi.txt says. Where the change is meant, run the tests with HVSDK_UPDATE=1 and commit the file.\n"
            + string.Join('\n', [.. removed, .. added]));
    }

    /// <summary>The package's assembly of this build: the test project references every package.</summary>
    private static Assembly Load(string package)
    {
        string path = Path.Combine(AppContext.BaseDirectory, $"{package}.dll");
        Assert.True(File.Exists(path), $"{package} is not beside the tests. Reference it in HvSdk.Tests.csproj.");
        return Assembly.LoadFrom(path);
    }
}
