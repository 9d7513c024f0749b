using HvSdk.Live;

namespace HvSdk.Nested.Tests;

/// <summary>The report of tests of another run. These run on any machine, so a run without the nested machine's tools has tests too.</summary>
public sealed class SuiteReportTests
{
    private const string Report =
        """
        <assemblies><assembly>
          <errors><error name="a thread of its own"><failure><message>it threw</message></failure></error></errors>
          <collection>
            <test name="A_B_C" result="Pass"><warnings><warning>slow</warning></warnings></test>
            <test name="D_E_F" result="Fail"><failure><message>1 is not 2</message><stack-trace>at D</stack-trace></failure></test>
            <test name="G_H_I" result="Skip"><reason>no KVM</reason></test>
            <test name="J_K_L" result="Skip"><reason>Not possible on WHP: The platform keeps no timer chip.</reason></test>
          </collection>
        </assembly></assemblies>
        """;

    [Fact]
    public void Load_EveryResult_IsCountedAndNamed()
    {
        SuiteReport report = Load(out string path);
        File.Delete(path);

        Assert.Equal(1, report.Passed);
        Assert.Equal(2, report.Failures.Count);
        Assert.StartsWith("D_E_F: Fail: 1 is not 2", report.Failures[0], StringComparison.Ordinal);
        Assert.Equal("a thread of its own: it threw", report.Failures[1]);
        Assert.Equal(["G_H_I: skipped: no KVM"], report.Skips);
        Assert.Equal(["J_K_L: skipped: Not possible on WHP: The platform keeps no timer chip."], report.Impossible);
        Assert.Equal(["A_B_C: warning: slow"], report.Warnings);
    }

    [Fact]
    public void WriteCounts_OfAReport_AreThreeNumbers()
    {
        SuiteReport report = Load(out string path);

        report.WriteCounts(path);

        Assert.Equal("1 2 1\n", File.ReadAllText(path));
        File.Delete(path);
    }

    private static SuiteReport Load(out string path)
    {
        path = Path.GetTempFileName();
        File.WriteAllText(path, Report);
        return SuiteReport.Load(path);
    }
}
