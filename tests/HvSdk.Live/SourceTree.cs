namespace HvSdk.Live;

/// <summary>The repository that the tests were built from: they lie in its artifacts.</summary>
public static class SourceTree
{
    /// <summary>Its root: the folder that holds HvSdk.sln.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>What a project of it was built to, in the configuration that the running test was built in.</summary>
    /// <param name="project">The project's name.</param>
    public static string OutputOf(string project) =>
        Path.Combine(Root, "artifacts", "bin", project, Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)));

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "HvSdk.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"There is no HvSdk.sln above {AppContext.BaseDirectory}. These tests use files of the repository: run them where they were built.");
    }
}
