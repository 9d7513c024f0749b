using HvSdk.Live;

namespace HvSdk.Hvf.StandIn.Tests;

public sealed class SelfTestTests(StandIn standIn)
{
    [Fact]
    public async Task StandIn_OwnChecks_Pass()
    {
        CommandResult result = await standIn.SelfTestAsync();
        Assert.True(result.ExitCode == 0, result.ToString());
    }
}
